// Package resilience keeps a dependency that is away from taking the process
// with it: a guard bounds how many calls are under way and how long each may
// take, and a circuit breaker, which opens when too many of them fail, refuses
// calls at once instead of letting everybody wait. After a short while it lets
// a few through; the first that is answered closes it.
//
// What counts as a failure is that the dependency is away: a fault of class
// unavailable or no answer in time. What a record is or is not, and a caller
// that went away, says nothing about the dependency.
//
// A refused call is a fault of class unavailable, as the call itself would have
// been, so that jobs wait for the dependency and clients are asked to come
// again. Calls marked by [Probe], and calls to the store marked by store.Vital,
// are never refused: a heartbeat must not be late because of a breaker, and
// whoever looks after the health has to see the dependency itself.
//
// resilience is the one home of failsafe-go. It imports fault and the contract
// of the store, which it decorates; the queue and the file storage take a
// [Guard] by an interface of their own.
//
// Enter at [New], [Guard.Do] and [Store].
package resilience
