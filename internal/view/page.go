package view

import (
	"math"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/width"

	"github.com/otelmon/otelmon-go/console/store"
	"github.com/otelmon/otelmon-go/internal/figure"
)

// Style says how to draw. The zero value draws without colours on lines of any
// length, for other programs to read.
type Style struct {
	Width  int // columns of a line; 0: no limit
	Colour bool
}

// Widths that a drawing needs: bars where there is no limit, and on a terminal
// too narrow for any table.
const (
	usualWidth = 100
	leastWidth = 40
)

func (s Style) columns() int {
	if s.Width == 0 {
		return usualWidth
	}
	return max(s.Width, leastWidth)
}

// tone is how a text is drawn: the parameter of a terminal's sequence.
type tone string

const (
	plain  tone = ""
	strong tone = "1"
	faint  tone = "2"
	bad    tone = "31"
	good   tone = "32"
	warn   tone = "33"
	busy   tone = "36"
)

// toneOf maps states, levels, severities and verdicts.
func toneOf(word string) tone {
	switch word {
	case store.StateHealthy, store.StateCompleted, store.DeliveryOK:
		return good
	case store.StateDegraded, store.StateCanceled, store.DeliveryBehind, "warn", "warning":
		return warn
	case store.StateUnhealthy, store.StateFailed, store.DeliveryFailing, store.DeliveryLosing, "error", "fatal", "critical":
		return bad
	case store.StateRunning:
		return busy
	default:
		return faint
	}
}

// page is lines on their way. Whatever gets into it is cleaned, as it may come
// from outside, and stays within the style's width.
type page struct {
	Style
	b   strings.Builder
	col int // columns that the line has
	gap int // spaces before what comes next
}

// put adds a text to the line, cut at its end.
func (p *page) put(t tone, text string) *page {
	text = strings.ReplaceAll(store.CleanLine(text), joint, " ")
	if p.Width > 0 {
		text = cut(text, p.Width-p.col-p.gap)
	}
	if text == "" {
		return p
	}
	p.b.WriteString(strings.Repeat(" ", p.gap))
	p.col, p.gap = p.col+p.gap+columns(text), 0
	if p.Colour && t != plain {
		text = "\x1b[" + string(t) + "m" + text + "\x1b[0m"
	}
	p.b.WriteString(text)
	return p
}

// to makes what comes next begin at a column, one space on if that is taken.
func (p *page) to(col int) *page {
	p.gap = max(col-p.col, min(p.col, 1))
	return p
}

// right is put for a column of figures: the text ends at a column.
func (p *page) right(col int, t tone, text string) *page {
	return p.to(col-columns(store.CleanLine(text))).put(t, text)
}

func (p *page) end() *page {
	p.b.WriteByte('\n')
	p.col, p.gap = 0, 0
	return p
}

// flow breaks a text at spaces; what follows the first line begins at indent.
// Without a limit of width it stays one line, lines in the text included.
func (p *page) flow(indent int, t tone, text string) *page {
	if p.Width == 0 {
		return p.put(t, strings.TrimSpace(text))
	}
	for i, line := range strings.Split(strings.TrimSpace(store.Clean(text)), "\n") {
		if i > 0 {
			p.end().to(indent)
		}
		p.words(indent, t, line)
	}
	return p
}

func (p *page) words(indent int, t tone, line string) {
	part := ""
	next := func() {
		p.put(t, part).end().to(indent)
		part = ""
	}
	for word := range strings.SplitSeq(store.CleanLine(line), " ") {
		if word == "" {
			continue
		}
		joined := strings.TrimPrefix(part+" "+word, " ")
		room := p.Width - p.col - p.gap
		if columns(joined) <= room {
			part = joined
			continue
		}
		if part != "" || p.col > 0 {
			next()
			room = p.Width - indent
		}
		for room = max(room, 1); columns(word) > room; {
			n := fitting(word, room)
			part, word = word[:n], word[n:]
			next()
		}
		part = word
	}
	p.put(t, part)
}

// joint is a space at which no line is broken.
const joint = "\u00a0"

// list joins items that stay whole when it flows.
func list(items ...string) string {
	whole := make([]string, len(items))
	for i, item := range items {
		whole[i] = strings.ReplaceAll(item, " ", joint)
	}
	return strings.Join(whole, ", ")
}

// columns is how wide a terminal draws a text.
func columns(text string) int {
	n := 0
	for _, r := range text {
		n += columnsOf(r)
	}
	return n
}

func columnsOf(r rune) int {
	if r < 0x300 {
		return 1
	}
	if unicode.In(r, unicode.Mn, unicode.Me) {
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	default:
		return 1
	}
}

// fitting returns how many bytes of a text fit into so many columns, one rune at
// least.
func fitting(text string, room int) int {
	for i, r := range text {
		if room -= columnsOf(r); room < 0 && i > 0 {
			return i
		}
	}
	return len(text)
}

func cut(text string, room int) string {
	switch {
	case room <= 0:
		return ""
	case columns(text) <= room:
		return text
	case room == 1:
		return "…"
	}
	return text[:fitting(text, room-1)] + "…"
}

// rough is a time of which fractions of a second say nothing.
func rough(n store.Number) string {
	if n >= 1 {
		n = store.Number(math.Round(float64(n)))
	}
	return figure.Seconds(n)
}

// short is what is enough of an id to name it.
func short(id string) string { return id[:min(len(id), 8)] }

// clock is the time of day, with the date where the day is another.
func clock(t, now time.Time) string {
	t, now = t.Local(), now.Local()
	if t.Format(time.DateOnly) != now.Format(time.DateOnly) {
		return t.Format(time.DateTime)
	}
	return t.Format(time.TimeOnly)
}

// Note is a line beside a drawing.
func (s Style) Note(text string) string { return s.line(faint, text) }

// Alarm is a line about a drawing that is not what it should be.
func (s Style) Alarm(text string) string { return s.line(bad, text) }

func (s Style) line(t tone, text string) string {
	p := &page{Style: s}
	return p.put(t, text).b.String()
}
