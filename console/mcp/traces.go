package mcp

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/otelmon/otelmon-go/console/store"
)

func tracesTool() *tool {
	return &tool{
		name: "search_traces",
		about: "Traces with their root, duration, number of spans and failures; unfinished ones are among them. " +
			"Narrow down, then get_trace.",
		takes: []argument{
			{name: "name", about: "only with a span whose name contains this"},
			{name: "errors_only", about: "only with a failed span", kind: kindFlag},
			{name: "running", about: "only with an unfinished span", kind: kindFlag},
			{name: "min_ms", about: "only that took at least so many milliseconds", kind: kindCount, most: math.MaxInt32},
			{name: "sort", about: "which first", kind: kindChoice, choices: []string{"newest", "slowest"}, usual: "newest"},
			sinceArgument(), untilArgument(), skipArgument(), limitArgument(20, 100),
		},
		read: (*client).traces,
	}
}

func (c *client) traces(in arguments) (*answer, error) {
	from, until := window(in)
	found := c.con.Traces(store.TraceQuery{
		Text: in.text("name"), Errors: in.flag("errors_only"), Running: in.flag("running"),
		Least: time.Duration(in.count("min_ms")) * time.Millisecond, Since: from, Until: until, Limit: math.MaxInt,
	})
	all := found.Traces
	if in.text("sort") == "slowest" {
		slices.SortStableFunc(all, func(a, b store.TraceSummary) int { return cmp.Compare(b.Seconds, a.Seconds) })
	}
	all = all[min(in.count("skip"), len(all)):]
	failed := 0
	for i := range all {
		failed += min(all[i].Errors, 1)
	}
	a := begin(fmt.Sprintf("%d traces match, %d of them with a failed span.", len(all), failed), found.AsOf, later(from, found.Since))
	n := list(a, "traces", 100, len(all), all[:min(len(all), in.count("limit"))], func(t *store.TraceSummary) *object {
		return view(t)
	})
	if len(all) > 0 {
		best := "critical_path"
		if all[0].Errors > 0 {
			best = "errors"
		}
		a.ask("get_trace", "the first of them", "trace_id", all[0].TraceID, "view", best)
		if failed > 0 {
			a.ask("diagnose", whatIsWrong)
		}
		if n > 0 && n < len(all) && in.text("sort") == "newest" {
			a.next = append(a.next, older("search_traces", "older traces", in, from, all[:n], func(t *store.TraceSummary) time.Time { return t.Start }))
		}
		if all[0].Running > 0 {
			a.ask("get_runtime", "where goroutines wait", "sections", "goroutines")
		}
		if name := in.text("name"); name != "" {
			a.ask("compare", "whether it was so before", "match", name)
		}
	} else if in.text("name") != "" || in.flag("errors_only") || in.flag("running") {
		a.ask("search_traces", "the slowest of all traces", "sort", "slowest")
		a.ask("diagnose", whatIsWrong)
	}
	a.link(c.url("traces", "q", in.text("name")))
	return a, nil
}

// exampleTrace stands for a trace that is kept.
const exampleTrace = "4bf92f3577b34da6a3ce929d0e0e4736"

// someTrace returns the newest trace that failed, or else the newest, empty when
// none is kept.
func (c *client) someTrace() string {
	for _, failed := range []bool{true, false} {
		if found := c.con.Traces(store.TraceQuery{Errors: failed, Limit: 1}).Traces; len(found) > 0 {
			return found[0].TraceID
		}
	}
	return ""
}

// wholeIDs puts whole ids in place of what traces begin with.
func (c *client) wholeIDs(t *tool, in arguments) error {
	for _, a := range t.takes {
		part := in.text(a.name)
		if a.kind != kindTrace || part == "" || len(part) == traceDigits {
			continue
		}
		var found []string
		for _, kept := range c.con.Traces(store.TraceQuery{Limit: math.MaxInt}).Traces {
			if strings.HasPrefix(kept.TraceID, part) {
				found = append(found, kept.TraceID)
			}
		}
		switch len(found) {
		case 0:
			return fmt.Errorf("no trace that is kept begins with %s. search_traces lists those that are", part)
		case 1:
			in[a.name] = found[0]
		default:
			return fmt.Errorf("%d traces begin with %s: %s", len(found), part, strings.Join(found[:min(len(found), maxItems)], ", "))
		}
	}
	return nil
}

func traceTool() *tool {
	return &tool{
		name: "get_trace",
		about: "One trace. summary: failures and what took the time; critical_path: what the trace waited for, in order; errors: failed spans " +
			"with their logs; tree: all spans; span: everything about span_id.",
		takes: []argument{
			{name: "trace_id", about: "32 hexadecimal digits, or the first six or more", kind: kindTrace, required: true},
			{name: "view", about: "what of it", kind: kindChoice, choices: []string{"summary", "critical_path", "errors", "tree", "span"}, usual: "summary"},
			{name: "span_id", about: "for the view span"},
			limitArgument(40, 200),
		},
		example: map[string]any{"trace_id": exampleTrace, "view": "critical_path"},
		read:    (*client).trace,
	}
}

func (c *client) trace(in arguments) (*answer, error) {
	id, of, spanID, limit := in.text("trace_id"), in.text("view"), in.text("span_id"), in.count("limit")
	key, err := trace.TraceIDFromHex(id)
	if err != nil {
		return nil, err
	}
	t, ok := c.con.Trace(key)
	if !ok {
		return nil, fmt.Errorf("of the trace %s nothing is kept: it was never recorded here, or newer telemetry took its place; all is kept since %s. search_traces lists those that are",
			id, t.Since.UTC().Format(time.RFC3339))
	}
	a := begin(fmt.Sprintf("%s took %s: %d spans, %d failed, %d unfinished, %d log records.",
		cmp.Or(cut(t.Name, maxName), "none"), seconds(t.Seconds), len(t.Spans), t.Errors, t.Running, len(t.Logs)), t.AsOf, t.Start)
	a.put("trace_id", id)
	a.put("unfinished", t.Running > 0)
	a.put("partial", t.Partial)
	switch of {
	case "critical_path":
		waited(a, &t, limit)
	case "errors":
		failures(a, &t, limit)
	case "tree":
		list(a, "spans", 100, len(t.Spans), t.Spans[:min(len(t.Spans), limit)], spanLine)
	case "span":
		i := slices.IndexFunc(t.Spans, func(s *store.Span) bool { return s.SpanID == plain(spanID) })
		if i < 0 {
			return nil, fmt.Errorf("the trace has no span %q; the view tree lists their ids.\nA right call: get_trace %s",
				cut(spanID, 64), encode(map[string]any{"trace_id": id, "view": "tree"}))
		}
		wholeSpan(a, t.Spans[i])
	default:
		waited(a, &t, min(limit, 10))
		failures(a, &t, min(limit, 10))
	}
	for _, v := range []string{"errors", "critical_path"} {
		if v != of && (v != "errors" || t.Errors > 0) {
			a.ask("get_trace", "its "+v, "trace_id", id, "view", v)
		}
	}
	if len(t.Logs) > 0 {
		a.ask("search_logs", "what was logged in it", "trace_id", id)
	}
	if t.Name != "" {
		a.ask("search_traces", "others of its sort", "name", t.Name, "sort", "slowest")
	}
	a.link(c.url("traces/" + id))
	return a, nil
}

func seconds(n store.Number) string {
	if !n.Known() {
		return "an unknown time"
	}
	return time.Duration(float64(n) * float64(time.Second)).Round(10 * time.Microsecond).String()
}

// waited lists what the trace waited for, what took the most first.
func waited(a *answer, t *store.Trace, limit int) {
	var on []*store.Span
	for _, s := range t.Spans {
		if s.OnPath {
			on = append(on, s)
		}
	}
	all := len(on)
	if all > limit {
		slices.SortStableFunc(on, func(a, b *store.Span) int { return cmp.Compare(b.PathSeconds, a.PathSeconds) })
		on = on[:limit]
		slices.SortStableFunc(on, func(a, b *store.Span) int { return a.Start.Compare(b.Start) })
	}
	list(a, "critical_path", 60, all, on, func(s **store.Span) *object {
		o := spanLine(s)
		o.put("share_of_trace", (*s).PathSeconds/t.Seconds)
		return o
	})
}

// failures lists failed spans, the deepest first, as it failed before those that
// called it, and the warnings and errors that were logged.
func failures(a *answer, t *store.Trace, limit int) {
	var failed []*store.Span
	for _, s := range t.Spans {
		if s.Status == "error" {
			failed = append(failed, s)
		}
	}
	slices.SortStableFunc(failed, func(a, b *store.Span) int { return b.Depth - a.Depth })
	list(a, "failed", 60, len(failed), failed[:min(len(failed), limit)], func(s **store.Span) *object {
		o := spanLine(s)
		o.put("attributes", (*s).Attributes)
		if i := slices.IndexFunc((*s).Events, func(e store.SpanEvent) bool { return e.Name == "exception" }); i >= 0 {
			o.put("exception", (*s).Events[i].Attributes)
		}
		return o
	})
	logs := slices.DeleteFunc(slices.Clone(t.Logs), func(l store.LogRecord) bool {
		return slices.Index(store.Levels(), l.Level) < slices.Index(store.Levels(), "warn")
	})
	list(a, "logs", 100, len(logs), logs[:min(len(logs), limit)], record)
}

// spanLine leaves out what is the same for all spans of a trace, and what is long.
func spanLine(at **store.Span) *object {
	return view(*at, "trace_id", "parent_id", "scope", "kind", "start", "end", "on_critical_path",
		"attributes", "dropped_attributes", "events", "dropped_events", "links", "dropped_links")
}

func wholeSpan(a *answer, s *store.Span) {
	a.put("span", view(s, "events", "dropped_events", "links", "dropped_links", "dropped_attributes"))
	list(a, "events", 100, len(s.Events)+s.DroppedEvents, s.Events, func(e *store.SpanEvent) *object { return view(e) })
	a.put("linked", s.Links)
}
