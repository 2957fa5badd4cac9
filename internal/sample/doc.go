// Package sample holds three small real data sets: one with a binary target,
// one with several classes, one with a number. README.md beside this file
// names their sources and licences.
//
// Three more are as they were found, compressed: MessySets.
//
// sample imports only the standard library. Enter at Sets or Lookup.
package sample
