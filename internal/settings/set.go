package settings

import (
	"maps"
	"slices"
	"time"
)

// Code is a value that the program itself gives.
type Code struct {
	Name  string // the variable it overrides, for example OTEL_SERVICE_NAME
	Field string // what to call it in messages, for example Config.Service
	Value string // as it would stand in the environment; empty means not given
}

// Setting is one effective value, fit to be printed.
type Setting struct {
	Name   string // the variable's name
	Value  string // redacted if it may hold a secret
	Source string // "default", "environment OTEL_X" or "code Config.Service"
}

// Set holds the effective value of every variable. It never changes, so it is
// safe for concurrent use. Lookups of names that the specification does not
// know give the zero value.
type Set struct {
	values   map[string]value
	warnings []error
}

// value is one resolved variable.
type value struct {
	source string
	own    bool // given under its own name, not by fallback or default
	text   string
	number int
	ratio  float64
	list   []string
	pairs  map[string]string
	public string // what All shows
}

// String returns the value as text: enums in the specification's spelling,
// endpoints as given. An unset variable without default gives "".
func (s *Set) String(name string) string { return s.values[name].text }

// Int returns a whole number. For limits -1 means unlimited.
func (s *Set) Int(name string) int { return s.values[name].number }

// Duration returns a duration or timeout, which the environment gives in
// milliseconds. It is never 0: a timeout of 0 there, which means no limit, is
// 2147483647 ms here, which is 24 days.
func (s *Set) Duration(name string) time.Duration {
	return time.Duration(s.values[name].number) * time.Millisecond
}

// Float returns a number, such as the sampling ratio.
func (s *Set) Float(name string) float64 { return s.values[name].ratio }

// Bool returns a boolean.
func (s *Set) Bool(name string) bool { return s.values[name].text == "true" }

// List returns a copy of a comma-separated list, without duplicates and empty for
// the value none.
func (s *Set) List(name string) []string { return slices.Clone(s.values[name].list) }

// Map returns a copy of decoded key-value pairs: headers or resource attributes.
func (s *Set) Map(name string) map[string]string { return maps.Clone(s.values[name].pairs) }

// Source tells where the effective value came from: "default",
// "environment OTEL_X" or "code Config.Service".
func (s *Set) Source(name string) string { return s.values[name].source }

// All returns every effective value, defaults included, sorted by name. What is
// not set and has no default is left out.
// Secrets are redacted.
func (s *Set) All() []Setting {
	all := make([]Setting, 0, len(s.values))
	for _, name := range slices.Sorted(maps.Keys(s.values)) {
		v := s.values[name]
		if v.public == "" {
			continue
		}
		all = append(all, Setting{Name: name, Value: v.public, Source: v.source})
	}
	return all
}

// Warnings returns what is wrong but did not have to stop the program: unknown
// OTEL_ names with the nearest known one, variables that are not supported,
// booleans that are neither true nor false.
func (s *Set) Warnings() []error { return slices.Clone(s.warnings) }
