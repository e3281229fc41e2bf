package console

import (
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

// chartOf puts lines that end at newest into one table.
func chartOf(id, title, unit string, newest time.Time, lines ...line) chart {
	c := chart{ID: id, Title: title, Unit: unit}
	longest := 0
	for _, l := range lines {
		c.Names = append(c.Names, l.name)
		longest = max(longest, len(l.history))
	}
	newest = newest.Local().Truncate(time.Second)
	for i := range longest {
		at := newest.Add(-time.Duration(longest-1-i) * sparkSeconds * time.Second)
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

// runtimeCharts are the figures of the Go runtime.
func runtimeCharts(r store.Runtime) []chart {
	list := make([]chart, len(r.Figures))
	for i, f := range r.Figures {
		list[i] = chartOf(f.Name, f.Title, f.Unit, r.HistoryAt, line{f.Title, f.History})
		list[i].Now = figure.Value(f.Value, f.Unit)
	}
	return list
}
