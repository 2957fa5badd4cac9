// Package cache keeps answers that are made of one version of one data set, in
// Redis, so that they are made once for all processes.
//
// What an answer is made of is its [Key]: whose it is, the version, the content,
// the form that values have, the answer and its parameters. An answer whose
// content is another has another key, so nothing is ever taken out because it is
// no longer true: it is not asked for any more, and goes when its time is over or
// room is needed. Whoever asks has read the record of the data set before, with
// its tenant; the cache tells nobody what there is.
//
// It is never needed. A Redis that is away, hangs, is full or gives back
// something else costs a short wait at most, until its guard refuses calls, and
// then nothing; the answer is made. Callers who ask for the same at the same time
// share one making, with or without Redis.
//
// What is kept has a bound of its own, since Redis may be that of the queue,
// which may not be pushed out: the oldest answers go first.
//
// cache imports fault, secret and go-redis; no domain.
//
// Enter at [New] and [Cache.Do].
package cache
