// Package checkers holds ready-made functions for [health.Check].
package checkers
