package store

import (
	"bytes"
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/otel/trace"
)

// Limits of the grouping of log records.
const (
	maxForms    = 4096 // masked bodies told apart
	maxPatterns = 1024 // templates
	maxAlike    = 64   // templates of one level, scope, event and length
	maxSample   = 512  // bytes of a sample's body
)

// A record joins a template when so much of its words is the same.
const likeness = 0.6

// Pattern is log records of one level, scope and event whose bodies differ in
// numbers, ids, quoted strings and single words alone.
type Pattern struct {
	Template string    `json:"template"` // the body, with <num>, <hex>, <uuid>, <str> and <*> for what differs
	Level    string    `json:"level"`
	Event    string    `json:"event"` // empty for plain records
	Scope    string    `json:"scope"`
	Count    int       `json:"count"`
	First    time.Time `json:"first"` // of what is kept
	Last     time.Time `json:"last"`
	Sample   string    `json:"sample"`   // the newest body, of a record with a trace if there is one
	TraceID  string    `json:"trace_id"` // of the sample, empty when it has none
	SpanID   string    `json:"span_id"`
}

// PatternList is the answer to [Store.Patterns].
type PatternList struct {
	AsOf      time.Time `json:"as_of"`
	Since     time.Time `json:"complete_since"` // older records may be gone
	Patterns  []Pattern `json:"patterns"`       // the most frequent first, then the newest
	Records   int       `json:"records"`        // that the query selects
	Others    int       `json:"others"`         // of these, records of more patterns than are told apart
	Total     int       `json:"total"`          // patterns
	Truncated bool      `json:"truncated"`
}

// Patterns groups the records that q selects by what they say. q.Limit bounds
// the patterns, not the records.
func (st *Store) Patterns(q LogQuery) PatternList {
	g := grouping{forms: map[string]*pattern{}, alike: map[string][]*pattern{}}
	answer := PatternList{AsOf: time.Now(), Since: st.logsSince(q), Patterns: []Pattern{}}
	for _, r := range st.logs.rings() {
		q.walk(r, func(rec []byte) bool {
			answer.Records++
			g.add(rec)
			return true
		})
	}
	answer.Others = g.others
	for _, p := range g.all {
		answer.Patterns = append(answer.Patterns, p.view())
	}
	slices.SortFunc(answer.Patterns, func(a, b Pattern) int {
		return cmp.Or(b.Count-a.Count, b.Last.Compare(a.Last), strings.Compare(a.Template, b.Template), strings.Compare(a.Level, b.Level))
	})
	answer.Total = len(answer.Patterns)
	answer.Patterns, answer.Truncated = limited(answer.Patterns, cmp.Or(q.Limit, UsualLimit))
	return answer
}

// grouping finds the template of each record: by its masked body, and for one
// that is new by the words it has in common with a template of the same length.
type grouping struct {
	forms  map[string]*pattern   // by level, scope, event and masked body
	alike  map[string][]*pattern // by level, scope, event and number of words
	all    []*pattern
	others int
	buf    []byte
}

// pattern is a Pattern while it is found.
type pattern struct {
	words       []string
	level       byte
	scope       string
	event       string
	count       int
	first, last int64
	sampled     int64 // when the sample was made
	sample      []byte
	trace       trace.TraceID
	span        trace.SpanID
}

func (g *grouping) add(rec []byte) {
	l := headOfLog(rec)
	b := append(append(append(g.buf[:0], (l.severity+3)/4), l.scope...), 0)
	b = append(append(b, l.event...), 0)
	head := len(b)
	g.buf = mask(b, l.body)
	p := g.forms[string(g.buf)]
	if p == nil {
		if len(g.forms) < maxForms {
			p = g.match(l, string(g.buf[:head]), string(g.buf[head:]))
		}
		if p == nil {
			g.others++
			return
		}
		g.forms[string(g.buf)] = p
	}
	p.take(l)
}

// match returns the template that a masked body belongs to, a new one when
// there is none that it is like, and nil when there is no room for that.
func (g *grouping) match(l logHead, head, masked string) *pattern {
	words := strings.Split(masked, " ")
	key := head + strconv.Itoa(len(words))
	var best *pattern
	most := 0
	for _, p := range g.alike[key] {
		if n := p.shares(words); n > most {
			best, most = p, n
		}
	}
	if best != nil && float64(most) >= likeness*float64(len(words)) {
		for i, w := range words {
			if best.words[i] != w {
				best.words[i] = "<*>"
			}
		}
		return best
	}
	if len(g.all) >= maxPatterns || len(g.alike[key]) >= maxAlike {
		return nil
	}
	p := &pattern{words: words, level: l.severity, scope: string(l.scope), event: string(l.event)}
	g.alike[key] = append(g.alike[key], p)
	g.all = append(g.all, p)
	return p
}

func (p *pattern) shares(words []string) (n int) {
	for i, w := range words {
		if p.words[i] == w {
			n++
		}
	}
	return n
}

func (p *pattern) take(l logHead) {
	p.count++
	if p.first == 0 || l.at < p.first {
		p.first = l.at
	}
	p.last = max(p.last, l.at)
	traced := l.trace.IsValid()
	if p.count > 1 && (p.trace.IsValid() && !traced || l.at < p.sampled && (p.trace.IsValid() || !traced)) {
		return
	}
	p.sampled, p.trace, p.span = l.at, l.trace, l.span
	p.sample = append(p.sample[:0], cutBytes(l.body, maxSample)...)
}

func (p *pattern) view() Pattern {
	v := Pattern{
		Template: CleanLine(strings.Join(p.words, " ")), Level: levelWord(p.level),
		Event: CleanLine(p.event), Scope: CleanLine(p.scope), Count: p.count,
		First: time.Unix(0, p.first).UTC(), Last: time.Unix(0, p.last).UTC(), Sample: Clean(string(bytes.ToValidUTF8(p.sample, []byte("\ufffd")))),
	}
	if p.trace.IsValid() {
		v.TraceID = p.trace.String()
	}
	if p.span.IsValid() {
		v.SpanID = p.span.String()
	}
	return v
}
