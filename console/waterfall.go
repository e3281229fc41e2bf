package console

import (
	"math"
	"slices"
	"time"

	"github.com/otelmon/otelmon-go/console/store"
)

// traceView is one trace drawn over time.
type traceView struct {
	store.Trace
	Missing bool
	Rows    []spanRow
	Runs    []spanRun // the rows again, for the page
	Scopes  []scopeKey
	Path    []pathStep
	Ruler   []rulerMark
	Hidden  int // spans that the page leaves out
}

// spanRow is one line of the waterfall.
type spanRow struct {
	*store.Span
	Bar    bar
	Ticks  []float64 // where its events are
	Colour int       // of its scope
	Indent int
	Logs   []store.LogRecord
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
	Seconds store.Number
}

// Percent is X for what is not scaled with the bar.
func (m rulerMark) Percent() float64 { return m.X * 100 / barWidth }

const (
	colours     = 8 // in the style sheet; more scopes share them
	maxIndent   = 12
	maxRows     = 500
	rulerMarks  = 5 // at most, the one at zero apart
	maxRowTicks = 64
)

func waterfall(t store.Trace) traceView {
	v := traceView{Trace: t}
	shown := t.Spans
	if len(shown) > maxRows {
		shown, v.Hidden = shown[:maxRows], len(shown)-maxRows
	}
	logs := map[string][]store.LogRecord{}
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
		row := spanRow{Span: s, Colour: v.colour(s.Scope), Indent: min(s.Depth, maxIndent), Logs: logs[s.SpanID]}
		row.Bar = v.place(s.Start, time.Duration(float64(s.Seconds)*float64(time.Second)))
		for _, e := range s.Events[:min(len(s.Events), maxRowTicks)] {
			row.Ticks = append(row.Ticks, v.place(e.Time, 0).X)
		}
		row.Open = s.Status == "error" && !blamesChild[s.SpanID]
		v.Rows = append(v.Rows, row)
	}
	v.Runs = runsOf(v.Rows)
	v.Ruler = ruler(float64(t.Seconds))
	v.Path = pathSteps(t)
	return v
}

// ruler marks round times. One too close to the end for its text is left out.
func ruler(whole float64) []rulerMark {
	marks := []rulerMark{{}}
	step := roundStep(whole / rulerMarks)
	for n := 1.0; step > 0 && n*step < whole*0.95; n++ {
		marks = append(marks, rulerMark{X: n * step / whole * barWidth, Seconds: store.Number(n * step)})
	}
	return marks
}

// roundStep returns the least round time that is not below seconds: 1, 2 or 5
// of a power of ten, and from ten seconds to a day what divides minutes and hours.
func roundStep(seconds float64) float64 {
	const day = 86400
	if seconds > day {
		return day * roundStep(seconds/day)
	}
	for _, step := range []float64{15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, day} {
		if seconds > 10 && step >= seconds {
			return step
		}
	}
	power := math.Pow(10, math.Floor(math.Log10(seconds)))
	for _, digit := range []float64{1, 2, 5} {
		if digit*power >= seconds {
			return digit * power
		}
	}
	return 10 * power
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
