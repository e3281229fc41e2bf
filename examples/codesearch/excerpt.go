package main

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	excerptLines = 3
	excerptWidth = 160 // bytes
)

// line is one line of a file, cut into pieces that match or do not.
type line struct {
	Number int     `json:"line"`
	Text   string  `json:"text"`
	Pieces []piece `json:"-"`
}

type piece struct {
	Text string
	Hit  bool
}

// hit is where a mark stands in a text, in bytes.
type hit struct{ start, end int }

// candidate is a line that may be shown.
type candidate struct {
	number, score int
	text          string
	hits          []hit
}

// excerpt picks the lines that say most about why a text was found: those with
// the most different marks, declarations before uses.
func excerpt(body string, marks []string) []line {
	var best []candidate // ordered by score
	number := 0
	for text := range strings.Lines(body) {
		number++
		hits, different := find(text, marks)
		if different == 0 {
			continue
		}
		c := candidate{number, 2 * different, strings.TrimRight(text, "\r\n"), hits}
		if declared(text) != "" {
			c.score++
		}
		at, _ := slices.BinarySearchFunc(best, c, func(a, b candidate) int {
			return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.number, b.number))
		})
		if at < excerptLines {
			best = slices.Insert(best, at, c)
			best = best[:min(len(best), excerptLines)]
		}
	}
	slices.SortFunc(best, func(a, b candidate) int { return cmp.Compare(a.number, b.number) })
	lines := make([]line, len(best))
	for i, c := range best {
		lines[i] = c.line()
	}
	return lines
}

// find looks for the marks in a text, without regard to case, and counts how
// many different ones there are.
func find(text string, marks []string) (hits []hit, different int) {
	for _, mark := range marks {
		before := len(hits)
		for i := 0; i+len(mark) <= len(text); i++ {
			if strings.EqualFold(text[i:i+len(mark)], mark) {
				hits = append(hits, hit{i, i + len(mark)})
				i += len(mark) - 1
			}
		}
		if len(hits) > before {
			different++
		}
	}
	slices.SortFunc(hits, func(a, b hit) int { return cmp.Compare(a.start, b.start) })
	return hits, different
}

// line cuts a long text around its first hit and splits it at the hits. Where
// hits overlap, the first is shown.
func (c candidate) line() line {
	from, to := 0, len(c.text)
	if len(c.text) > excerptWidth {
		from = max(0, min(c.hits[0].start-excerptWidth/4, len(c.text)-excerptWidth))
		to = max(from+excerptWidth, min(c.hits[0].end, len(c.text)))
	}
	for from > 0 && !utf8.RuneStart(c.text[from]) {
		from--
	}
	for to < len(c.text) && !utf8.RuneStart(c.text[to]) {
		to++
	}
	l := line{Number: c.number, Text: c.text[from:to]}
	at := from
	for _, h := range c.hits {
		if h.start < at || h.end > to {
			continue
		}
		l.Pieces = append(l.Pieces, piece{c.text[at:h.start], false}, piece{c.text[h.start:h.end], true})
		at = h.end
	}
	l.Pieces = append(l.Pieces, piece{c.text[at:to], false})
	return l
}
