// Package demo takes a bundled data set from a file to predictions over the
// public HTTP API, shows every step, and checks what it got: that predictions
// cover the held-out rows only, that labels obey the tuned threshold, and that
// the quality recomputed from the file is that of the leaderboard.
//
// demo imports client, sample, terminal and secret; it knows nothing of the
// server.
//
// Enter at Run.
package demo
