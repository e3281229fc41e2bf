package diagnosis

import (
	"encoding/json"
	"unicode/utf8"

	"github.com/otelmon/otelmon-go/console/store"
)

// Limits of the texts of a report, in bytes, and of its lists.
const (
	maxSummary      = 400
	maxComponent    = 80
	maxText         = 200
	maxRef          = 160
	maxEvidence     = 5
	maxNext         = 3
	maxConsequences = 8

	usualBytes = 16_000
	mostBytes  = 24_000
)

// cut makes text from outside one clean line of at most limit bytes.
func cut(s string, limit int) string {
	s = store.CleanLine(s)
	if len(s) <= limit {
		return s
	}
	limit -= len("…")
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit] + "…"
}

// fit leaves out what makes the report longer than it may be, from the least
// likely finding on.
func (r *Report) fit(limit int) {
	most := usualBytes
	if limit > UsualLimit {
		most = mostBytes
	}
	for i := len(r.Findings) - 1; i >= 0 && r.size() > most; i-- {
		f := &r.Findings[i]
		f.Evidence, f.Next = f.Evidence[:min(len(f.Evidence), 1)], f.Next[:min(len(f.Next), 1)]
	}
	for len(r.Findings) > 1 && r.size() > most {
		r.Findings = r.Findings[:len(r.Findings)-1]
	}
	r.Truncated = len(r.Findings) < r.Total
}

func (r *Report) size() int {
	b, _ := json.Marshal(r) // everything in it can be marshaled
	return len(b)
}
