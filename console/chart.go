package console

import (
	"cmp"
	"maps"
	"math"
	"strconv"
	"time"

	"github.com/otelmon/otelmon-go/console/store"
	"github.com/otelmon/otelmon-go/internal/figure"
)

// chart is values over time as a table. The script draws it; without, a spark
// stands above it.
type chart struct {
	ID, Title, Unit string
	Now             string // what is shown when there is no cursor
	Tall            bool
	Names           []string
	Rows            []chartRow
	Spark           spark
}

type chartRow struct {
	Unix  int64
	Clock string
	Cells []chartCell
}

type chartCell struct {
	V    string // empty where nothing was measured
	Text string
}

// line is one series of a chart.
type line struct {
	name    string
	history []store.Number
}

// chartOf puts lines, a point each interval and the last one at newest, into one
// table.
func chartOf(id, title, unit string, newest time.Time, interval time.Duration, lines ...line) chart {
	c := chart{ID: id, Title: title, Unit: unit}
	longest := 0
	for _, l := range lines {
		c.Names = append(c.Names, l.name)
		longest = max(longest, len(l.history))
	}
	newest = newest.Local().Truncate(time.Second) // of samples in step, so that old rows stay as they are
	for i := range longest {
		at := newest.Add(-time.Duration(longest-1-i) * interval)
		row := chartRow{Unix: at.Unix(), Clock: at.Format(time.TimeOnly)}
		for _, l := range lines {
			row.Cells = append(row.Cells, cellOf(l.history, i-longest+len(l.history), unit))
		}
		c.Rows = append(c.Rows, row)
	}
	if len(lines) > 0 {
		c.Spark = sparkOf(lines[0].history, newest)
	}
	return c
}

func cellOf(history []store.Number, i int, unit string) chartCell {
	if i < 0 || !history[i].Known() {
		return chartCell{Text: figure.None}
	}
	v := float64(history[i])
	return chartCell{V: strconv.FormatFloat(v, 'g', significantDigits(v), 64), Text: figure.Value(history[i], unit)}
}

// significantDigits keeps whole numbers whole and cuts the rest to what can be
// seen.
func significantDigits(v float64) int {
	if v == math.Trunc(v) {
		return -1
	}
	return 6
}

// span is how far back a chart goes.
type span struct {
	Title, Href string
	Here        bool
}

// spans are the choices of an address; the one that is shown is marked.
func (a ask) spans() (list []span, shown time.Duration, err error) {
	const usual = 15 * time.Minute
	shown, err = a.duration("window", "6h")
	shown = cmp.Or(shown, usual)
	values := maps.Clone(a.values)
	values.Del("at")
	for _, of := range []struct {
		title, value string
		long         time.Duration
	}{{"15 min", "15m", usual}, {"1 h", "1h", time.Hour}, {"6 h", "6h", 6 * time.Hour}} {
		values.Set("window", of.value)
		list = append(list, span{Title: of.title, Href: "?" + values.Encode(), Here: of.long == shown})
	}
	return list, shown, err
}

// runtimeView is the page of the Go runtime.
type runtimeView struct {
	Charts []chart
	Spans  []span
}

func buildRuntime(c *Console, v *view, a ask) int {
	spans, shown, err := a.spans()
	v.fault(err)
	main := runtimeView{Spans: spans}
	for _, f := range c.Runtime().Figures {
		h := c.History(store.HistoryQuery{Name: f.Name, Window: shown})
		for _, s := range h.Series {
			if s.Kind != store.KindRuntime {
				continue
			}
			drawn := chartOf(f.Name, f.Title, f.Unit, h.AsOf, everyOf(h), line{f.Title, s.Values})
			drawn.Now = figure.Value(f.Value, f.Unit)
			main.Charts = append(main.Charts, drawn)
		}
	}
	v.Main = main
	return 0
}

// instrumentChart draws the first series of an instrument, and tells how many
// it leaves out.
func instrumentChart(c *Console, of store.Instrument, long time.Duration) (drawn chart, more int) {
	unit := of.Unit
	if of.Kind == "counter" {
		unit = cmp.Or(unit, "1") + "/s"
	}
	h := c.History(store.HistoryQuery{Name: of.Name, Window: long, Limit: colours})
	var lines []line
	for _, s := range h.Series {
		lines = append(lines, line{cmp.Or(s.Attributes.String(), of.Name), s.Values})
	}
	drawn = chartOf("instrument", of.Name, unit, h.AsOf, everyOf(h), lines...)
	drawn.Tall = true
	return drawn, h.Total - len(lines)
}

// everyOf is the time between two points.
func everyOf(h store.History) time.Duration {
	return time.Duration(float64(h.Interval) * float64(time.Second))
}
