// Package profile describes a table in one pass over its chunks, in memory that
// does not grow with the rows: counts, missing and distinct values, range,
// mean, standard deviation, quantiles, histogram and most frequent values of
// every column. Collectors of parts of a table can be merged.
//
// A column with few distinct values (4,096; fewer in tables of many columns)
// is described exactly. Beyond that:
//
//   - distinct is estimated by HyperLogLog (axiomhq/hyperloglog), with a
//     standard error of 0.8 %;
//   - quantiles are read from a DDSketch (DataDog/sketches-go) whose bins cut
//     every power of two into 64 parts, within 1 % of the value or of its
//     distance from the centre; in tables of many columns into 32, within 2 %. It
//     has the bins of the 64 powers of two that are farthest from zero;
//   - the most frequent values are those that the summary of Misra and Gries
//     ("Finding repeated elements", 1982) keeps, with counts that are too low by
//     at most top_error. Numbers are counted in batches, and a sieve leaves out
//     those that cannot be frequent in theirs, as lossy counting does (Manku and
//     Motwani, 2002).
//
// Counts, range, mean, standard deviation (Welford; Chan, Golub and LeVeque for
// merging) and the histogram are always exact. The histogram has at most 30
// bins, whose width is a power of two and whose edges are its multiples, so that
// bins can be joined in pairs when the range grows: the result does not depend
// on the order of the rows.
//
// Enter at [New] and [Collector.Add]. profile imports ml/frame, tabular and the
// sketch libraries.
package profile
