package store

import "context"

type vitalKey struct{}

// Vital marks calls that have to be tried whatever was learned about the store
// before, such as the heartbeat of a job that runs: a decorator that keeps
// calls from a store that is away lets them through.
func Vital(ctx context.Context) context.Context { return context.WithValue(ctx, vitalKey{}, true) }

// IsVital reports whether calls with the context are vital.
func IsVital(ctx context.Context) bool { return ctx.Value(vitalKey{}) != nil }
