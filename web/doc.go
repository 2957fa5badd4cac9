// Package web holds the pages that the API serves to browsers, embedded in
// the binary: the start page, the page of a data set and the readable
// description of the API, as templates with what they share, their scripts and
// their style. Nothing is loaded from elsewhere.
//
// web imports the standard library only; internal/httpapi serves it.
//
// Enter at [Files].
package web
