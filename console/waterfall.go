package console

import (
	"slices"
	"time"
)

// traceView is one trace drawn over time.
type traceView struct {
	traceDetail
	Missing bool
	Rows    []spanRow
	Scopes  []scopeKey
	Ruler   []rulerMark
	Hidden  int // spans that the page leaves out
}

// spanRow is one line of the waterfall.
type spanRow struct {
	*span
	Bar    bar
	Ticks  []float64 // where its events are
	Colour int       // of its scope
	Indent int
	Logs   []logRecord
	Open   bool // shown unfolded: where a failure started
}

// scopeKey is one line of the legend.
type scopeKey struct {
	Name   string
	Colour int
	Spans  int
}

type rulerMark struct {
	X       float64
	Seconds number
}

const (
	colours     = 8 // in the style sheet; more scopes share them
	maxIndent   = 12
	maxRows     = 500
	rulerMarks  = 4
	maxRowTicks = 64
)

func waterfall(t traceDetail) traceView {
	v := traceView{traceDetail: t}
	shown := t.Spans
	if len(shown) > maxRows {
		shown, v.Hidden = shown[:maxRows], len(shown)-maxRows
	}
	logs := map[string][]logRecord{}
	for _, l := range t.Logs {
		logs[l.SpanID] = append(logs[l.SpanID], l)
	}
	blamesChild := map[string]bool{}
	for _, s := range shown {
		if s.Status == "error" {
			blamesChild[s.ParentID] = true
		}
	}
	for _, s := range shown {
		row := spanRow{span: s, Colour: v.colour(s.Scope), Indent: min(s.Depth, maxIndent), Logs: logs[s.SpanID]}
		row.Bar = v.place(s.Start, time.Duration(float64(s.Seconds)*float64(time.Second)))
		for _, e := range s.Events[:min(len(s.Events), maxRowTicks)] {
			row.Ticks = append(row.Ticks, v.place(e.Time, 0).X)
		}
		row.Open = s.Status == "error" && !blamesChild[s.SpanID]
		v.Rows = append(v.Rows, row)
	}
	for i := range rulerMarks {
		part := float64(i) / rulerMarks
		v.Ruler = append(v.Ruler, rulerMark{X: part * barWidth, Seconds: t.Seconds * number(part)})
	}
	return v
}

// colour returns the colour of a scope, given out in order of appearance.
func (v *traceView) colour(scope string) int {
	i := slices.IndexFunc(v.Scopes, func(k scopeKey) bool { return k.Name == scope })
	if i < 0 {
		i = len(v.Scopes)
		v.Scopes = append(v.Scopes, scopeKey{Name: scope, Colour: i % colours})
	}
	v.Scopes[i].Spans++
	return v.Scopes[i].Colour
}

// leastBar keeps the shortest span visible.
const leastBar = 3

func (v *traceView) place(at time.Time, d time.Duration) bar {
	whole := float64(v.Seconds)
	if whole <= 0 {
		return bar{0, barWidth}
	}
	b := bar{X: at.Sub(v.Start).Seconds() / whole * barWidth, W: max(leastBar, d.Seconds()/whole*barWidth)}
	b.X = min(max(b.X, 0), barWidth-leastBar)
	b.W = min(b.W, barWidth-b.X)
	return b
}
