// Package view draws the answers of a console as text for terminals. It asks
// nothing and keeps nothing: an answer and a [Style] make a string, so that what
// a terminal shows is tested without one, and without a console.
//
// Every text in an answer is taken for hostile, even where the server has cleaned
// it: the server may be somebody else's.
package view
