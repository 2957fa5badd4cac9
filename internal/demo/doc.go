// Package demo takes a bundled data set from a file to predictions over the
// public HTTP API, shows every step, and checks what it got: that predictions
// cover the held-out rows only, that labels obey the tuned threshold, and that
// the quality recomputed from the file is that of the leaderboard.
//
// Walk takes the messy data sets through the first four stages of the workflow, as
// the workflow says, and checks what was found and mended against what is known of
// the files.
//
// demo imports client, sample, terminal and secret; it knows nothing of the
// server.
//
// Enter at Run and Walk.
package demo
