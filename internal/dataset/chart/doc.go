// Package chart draws tables: it makes the data of a chart, of which a page or a
// library makes the picture.
//
//	Table    what is drawn: its columns, its profile, and how its rows are read
//	Request  the kind of chart, and the columns
//	Chart    bars, boxes, points, steps or cells
//
// A histogram, and a heat map of correlations, are made of the profile, and so of
// all rows. Every other chart reads its columns. Of a table with more rows than are
// read for a chart it reads the beginnings of row groups, evenly chosen, and after
// them those row groups in which the farthest outliers are, so that none is lost.
// The same request gives the same chart of the same table. Columns of personal data
// are refused.
//
// chart may import dataset/profile, tabular, pii, fault and ml/frame. It knows of no
// record, and nothing of data sets but their identifier.
//
// Enter at [Draw].
package chart
