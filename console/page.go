package console

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/otelmon/otelmon-go/console/diagnosis"
	"github.com/otelmon/otelmon-go/console/store"
)

// page is one view. Without scripts, pages with a form are paused unless asked,
// so that a reload does not take away what is being typed.
type page struct {
	title, nav, file string
	live             bool
	build            func(*Console, *view, ask) (status int) // 0 means 200
}

func pages() map[string]page {
	return map[string]page{
		"":           {"Overview", "", "overview.html", true, buildOverview},
		"health":     {"Health", "health", "health.html", true, buildHealth},
		"operations": {"Operations", "operations", "operations.html", true, buildOperations},
		"traces":     {"Traces", "traces", "traces.html", false, buildTraces},
		"logs":       {"Logs", "logs", "logs.html", false, buildLogs},
		"metrics":    {"Metrics", "metrics", "metrics.html", false, buildMetrics},
		"delivery":   {"Delivery", "delivery", "delivery.html", true, buildDelivery},
		"runtime":    {"Runtime", "runtime", "runtime.html", true, buildRuntime},
		"control":    {"Control", "control", "control.html", false, buildControl},

		"traces/" + traceRoute: {"Trace", "traces", "trace.html", true, buildTrace},
	}
}

// refreshSeconds is how often a live page reloads itself.
const refreshSeconds = 5

// view is what every template sees; Main is the page's own part.
type view struct {
	Base, Style, Title, Page string
	Script, Stream, Build    string
	Nav                      []navItem
	Live                     bool
	Paused                   bool // it shall not change at all
	Final                    bool // it cannot change any more
	Refresh                  int
	Toggle                   string // the same page, live or paused
	JSON                     string // the same answer for machines
	Summary                  store.Summary
	Faults                   []string // what was wrong with the question
	Main                     any

	file   string
	status int
}

// Headline is the title of the browser's tab.
func (v view) Headline() string {
	parts := []string{v.Title, cmp.Or(v.Summary.Service, "otelmon")}
	if v.Summary.State != store.StateUnknown {
		parts = slices.Insert(parts, 0, stateTitle(v.Summary.State))
	}
	return strings.Join(parts, " · ")
}

type navItem struct {
	Href, Title, Icon string
	Here              bool
	Badge             string // a count that wants attention
	Tone              string // of the badge
}

func (c *Console) frame(r *http.Request, p page, rel string) view {
	v := view{Base: baseOf(rel), Title: p.title, Page: p.nav, Refresh: refreshSeconds, Summary: c.Summary(), file: p.file}
	v.Live = p.live
	query := r.URL.Query()
	query.Set("at", rel)
	v.Stream = v.Base + streamRoute + "?" + query.Encode()
	query.Del("at")
	if l := query.Get("live"); l != "" {
		v.Live, v.Paused = l == "1", l == "0"
	}
	query.Set("live", map[bool]string{true: "0", false: "1"}[v.Live])
	v.Toggle = "?" + query.Encode()
	query.Del("live")
	v.JSON = v.Base + "api/" + rel
	if rel == "" {
		v.JSON += "summary"
	}
	if v.Title != "Trace" && len(query) > 0 {
		v.JSON += "?" + query.Encode()
	}
	v.nav()
	return v
}

func (v *view) nav() {
	s := &v.Summary
	v.Nav = []navItem{
		{Href: "", Title: "Overview", Icon: "overview"},
		{Href: "health", Title: "Health", Icon: "health", Badge: badge(s.Unhealthy), Tone: "bad"},
		{Href: "operations", Title: "Operations", Icon: "operations", Badge: badge(s.Running), Tone: "run"},
		{Href: "traces", Title: "Traces", Icon: "traces"},
		{Href: "logs", Title: "Logs", Icon: "logs"},
		{Href: "metrics", Title: "Metrics", Icon: "metrics"},
		{Href: "delivery", Title: "Delivery", Icon: "delivery"},
		{Href: "runtime", Title: "Runtime", Icon: "runtime"},
		{Href: "control", Title: "Control", Icon: "control"},
	}
	for i := range v.Nav {
		v.Nav[i].Here = v.Nav[i].Href == v.Page
	}
}

func badge(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}

// ask notes what was wrong with a question; the page shows the usual answer.
func (v *view) fault(err error) {
	if err != nil {
		v.Faults = append(v.Faults, err.Error())
	}
}

// overview is the first page.
type overview struct {
	Empty                bool
	Spans, Logs, Metrics bool
	Diagnosis            diagnosis.Report
	Health               healthView
	Changes              []store.Change
	Running              []operationRow
	Finished             []operationRow
	Delivery             store.Delivery
	Traces               []traceRow
	Problems             []store.LogRecord
	Figures              []figureTile
}

// Rows of each kind on the overview.
const (
	overviewRows     = 8
	overviewFinished = 3
	overviewChanges  = 4
)

func buildOverview(c *Console, v *view, _ ask) int {
	o := overview{Health: healthOf(c.Health(), v.Summary.Started), Diagnosis: c.diagnose(diagnosis.Question{})}
	o.Changes = o.Health.Changes[:min(len(o.Health.Changes), overviewChanges)]
	o.Spans, o.Logs, o.Metrics = v.Summary.Signals()
	o.Empty = !o.Spans && !o.Logs && !o.Metrics
	for _, op := range operationRows(c, c.Operations(store.MaxLimit).Operations) {
		switch {
		case op.Ended == nil && len(o.Running) < overviewRows:
			o.Running = append(o.Running, op)
		case op.Ended != nil && len(o.Finished) < overviewFinished:
			o.Finished = append(o.Finished, op)
		}
	}
	o.Traces = traceRows(c.Traces(store.TraceQuery{Limit: overviewRows}).Traces)
	o.Problems = c.Logs(store.LogQuery{Level: "warn", Limit: overviewRows}).Logs
	o.Figures = tiles(c.Runtime())
	o.Delivery = c.Delivery()
	v.Main = o
	return 0
}

// traceRow is a trace in a table, with its place in the table's time.
type traceRow struct {
	store.TraceSummary
	Bar bar
}

// bar is a part of a line from 0 to barWidth.
type bar struct{ X, W float64 }

const barWidth = 1000

// traceRows draws durations to the scale of the longest.
func traceRows(traces []store.TraceSummary) []traceRow {
	var longest store.Number
	for _, t := range traces {
		longest = max(longest, t.Seconds)
	}
	rows := make([]traceRow, len(traces))
	for i, t := range traces {
		rows[i] = traceRow{TraceSummary: t}
		if longest > 0 {
			rows[i].Bar.W = max(4, float64(barWidth*t.Seconds/longest))
		}
	}
	return rows
}

type tracesView struct {
	store.TraceList
	Rows    []traceRow
	Q, Min  string
	Errors  bool
	Running bool
	Window  window
}

func buildTraces(c *Console, v *view, a ask) int {
	q, err := a.traces()
	v.fault(err)
	list := c.Traces(q)
	v.Main = tracesView{
		TraceList: list, Rows: traceRows(list.Traces),
		Q: q.Text, Min: a.text("min"), Errors: q.Errors, Running: q.Running, Window: a.shown(list.Since, v.Summary.Started),
	}
	return 0
}

type logsView struct {
	store.LogList
	Patterns        *store.PatternList // when these are asked for
	Levels          []string
	Q, Level, Trace string
	Window          window
}

func buildLogs(c *Console, v *view, a ask) int {
	q, err := a.logs()
	v.fault(err)
	main := logsView{Levels: store.Levels(), Q: q.Text, Level: q.Level, Trace: a.text("trace")}
	var since time.Time
	if a.flag("patterns") {
		p := c.Patterns(q)
		main.Patterns, since = &p, p.Since
		v.JSON = strings.Replace(v.JSON, "api/logs", "api/patterns", 1)
	} else {
		main.LogList = c.Logs(q)
		since = main.Since
	}
	main.Window = a.shown(since, v.Summary.Started)
	v.Main = main
	return 0
}

// deliveryView is whether telemetry arrives, and how that is set.
type deliveryView struct {
	store.Delivery
	Set, Others []store.Setting // by somebody; by default, or of the machine
}

func buildDelivery(c *Console, v *view, _ ask) int {
	main := deliveryView{Delivery: c.Delivery()}
	for _, s := range c.Settings().Settings {
		if s.Source == "default" || s.Source == "detected" {
			main.Others = append(main.Others, s)
		} else {
			main.Set = append(main.Set, s)
		}
	}
	v.Main = main
	return 0
}

type metricsView struct {
	store.MetricList
	Q, Name string
	Chart   *chart // of the instrument that Name says
	More    int    // series that the chart leaves out
	Spans   []span
}

// A page that has more pictures than calmRows moves them once a minute, as a stream
// had to bring hundreds of them with every point.
const (
	calmRows   = 20
	calmPoints = 12
)

// calm leaves points of a long list out, so that all begin and end with a minute.
func (m *metricsView) calm() {
	rows := 0
	for i := range m.Instruments {
		rows += len(m.Instruments[i].Series)
	}
	if rows <= calmRows {
		return
	}
	newest := int(m.HistoryAt.Unix() / sparkSeconds)
	late := newest % calmPoints
	m.HistoryAt = m.HistoryAt.Add(-time.Duration(late) * sparkSeconds * time.Second)
	for i := range m.Instruments {
		for j := range m.Instruments[i].Series {
			s := &m.Instruments[i].Series[j]
			n := len(s.History)
			from := min((calmPoints-(newest-n+1)%calmPoints)%calmPoints, n)
			s.History = s.History[from:max(from, n-late)]
		}
	}
}

func buildMetrics(c *Console, v *view, a ask) int {
	m := metricsView{MetricList: a.metrics(c, 2*store.UsualLimit), Q: a.text("q"), Name: a.text("name")}
	if m.Name != "" && len(m.Instruments) > 0 {
		v.Title = m.Name
		spans, shown, err := a.spans()
		v.fault(err)
		drawn, more := instrumentChart(c, m.Instruments[0], shown)
		m.Chart, m.More, m.Spans = &drawn, more, spans
	}
	m.calm()
	v.Main = m
	return 0
}

// figureTile is a runtime figure with its picture.
type figureTile struct {
	store.Figure
	Spark spark
}

func tiles(r store.Runtime) []figureTile {
	list := make([]figureTile, len(r.Figures))
	for i, f := range r.Figures {
		list[i] = figureTile{Figure: f, Spark: sparkOf(f.History, r.HistoryAt)}
	}
	return list
}

func buildTrace(c *Console, v *view, a ask) int {
	t, ok := c.Trace(a.trace)
	v.Title = "Trace"
	if !ok {
		v.Live, v.Final = false, true
		v.Main = traceView{Trace: t, Missing: true}
		return http.StatusNotFound
	}
	if t.Name != "" {
		v.Title = t.Name
	}
	// A finished trace does not change.
	v.Final = t.Running == 0
	v.Live = v.Live && !v.Final
	v.Main = waterfall(t)
	return 0
}

// traceHref is where a trace is shown, empty when there is none.
func traceHref(base, id string) string {
	if id == "" {
		return ""
	}
	return base + "traces/" + url.PathEscape(id)
}
