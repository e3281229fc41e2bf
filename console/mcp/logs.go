package mcp

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/otelmon/otelmon-go/console/store"
)

func untilArgument() argument {
	return argument{name: "until", about: "only before this time; default now", kind: kindTime}
}

func skipArgument() argument {
	return argument{name: "skip", about: "leave out so many of the first", kind: kindCount, most: 1 << 20}
}

func traceArgument(about string) argument {
	return argument{name: "trace_id", about: about, kind: kindTrace}
}

func logsTool() *tool {
	return &tool{
		name: "search_logs",
		about: "Log records, grouped into patterns with counts and a sample (the most frequent first), and the newest records themselves. " +
			"Text is looked for in body, event, scope and attributes.",
		takes: []argument{
			{name: "level", about: "this and worse", kind: kindChoice, choices: store.Levels()},
			{name: "text", about: "only records that contain this, in any case"},
			traceArgument("only records of this trace"),
			{name: "group", about: "patterns besides records", kind: kindFlag, usual: true},
			sinceArgument(), untilArgument(), skipArgument(), limitArgument(20, 100),
		},
		read: (*client).logs,
	}
}

// window returns the time that was asked for.
func window(in arguments) (from, until time.Time) {
	to := in.time("until")
	if to.IsZero() {
		to = time.Now()
	}
	return to.Add(-in.duration("since")), in.time("until")
}

func (c *client) logs(in arguments) (*answer, error) {
	from, until := window(in)
	q := store.LogQuery{Level: in.text("level"), Text: in.text("text"), Since: from, Until: until, Skip: in.count("skip"), Limit: in.count("limit")}
	q.Trace, _ = trace.TraceIDFromHex(in.text("trace_id")) // parse has seen to it
	patterns := c.con.Patterns(q)
	found := c.con.Logs(q)
	total := max(patterns.Records-q.Skip, 0)
	a := begin(fmt.Sprintf("%d records of %d patterns match.", total, patterns.Total), found.AsOf, later(from, found.Since))
	if in.flag("group") {
		list(a, "patterns", 60, patterns.Total, patterns.Patterns, pattern)
	}
	n := list(a, "records", 100, total, found.Logs, record)
	for _, p := range patterns.Patterns {
		if p.TraceID != "" && in.text("trace_id") == "" {
			a.ask("get_trace", "the trace of a sample", "trace_id", p.TraceID)
			break
		}
	}
	failed := func(p store.Pattern) bool { return p.Level == "error" || p.Level == "fatal" }
	if slices.ContainsFunc(patterns.Patterns, failed) {
		a.ask("diagnose", whatIsWrong)
	}
	if n > 0 && total > n {
		a.next = append(a.next, older("search_logs", "older records", in, from, found.Logs[:n], func(l *store.LogRecord) time.Time { return l.Time }))
	}
	if patterns.Records == 0 && (q.Level != "" || q.Text != "") {
		a.ask("search_logs", "what was logged at all", "since", short(in.duration("since")))
		a.ask("diagnose", whatIsWrong)
	}
	a.link(c.url("logs", "q", q.Text, "level", q.Level, "trace", in.text("trace_id")))
	return a, nil
}

// older is the call of a tool that goes on where a page of its answer ended, to the
// same beginning. Items of the moment of the last one may be on either page: until
// is just after it, and skip counts those that were on this one or before.
func older[T any](tool, reason string, in arguments, from time.Time, page []T, at func(*T) time.Time) step {
	last := at(&page[len(page)-1])
	until, skip := last.Add(1), 0
	if until.Equal(in.time("until")) {
		skip = in.count("skip")
	}
	for i := range page {
		if at(&page[i]).Equal(last) {
			skip++
		}
	}
	next := maps.Clone(in)
	next["until"], next["skip"], next["since"] = until, skip, max(until.Sub(from), time.Second) // a trace may have begun before
	return step{Tool: tool, Arguments: written(next), Reason: reason}
}

// later returns since when an answer is complete.
func later(asked, kept time.Time) time.Time {
	if kept.After(asked) {
		return kept
	}
	return asked
}

func pattern(p *store.Pattern) *object { return view(p, "span_id") }

func record(l *store.LogRecord) *object { return view(l, "dropped_attributes") }
