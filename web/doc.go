// Package web holds the pages that the API serves to browsers, embedded in
// the binary: the start page with its script and style, and the template of
// the readable description of the API. Nothing is loaded from elsewhere.
//
// web imports the standard library only; internal/httpapi serves it.
//
// Enter at [Files].
package web
