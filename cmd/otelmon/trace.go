package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"

	"github.com/otelmon/otelmon-go/console/store"
)

const (
	tracesPath = "api/traces"
	traceShare = 8 // traces of each sort, where there are several
	traceID    = 32
)

func traceCommand(ctx context.Context, args []string, c console) int {
	t := newTarget("trace", "[flags] [id]", "Draws the trace with this id over time, with the critical path and self times. The beginning of an id is enough\n"+
		"where one of the newest traces has it. Without an id it lists traces: the newest, those that failed and the slow ones.")
	query := url.Values{}
	t.flags.BoolFunc("failed", "list only traces with a failed span", func(string) error { query.Set("errors", "1"); return nil })
	t.flags.BoolFunc("running", "list only traces with an unfinished span", func(string) error { query.Set("running", "1"); return nil })
	t.flags.Func("q", "list only traces with this `text` in the name of a span", set(query, "q"))
	t.flags.Func("min", "list only traces that took this `time` at least, such as 250ms", set(query, "min"))
	t.flags.Func("since", "list only traces that ended after this `time`, or so long ago at most, such as 15m", set(query, "since"))
	limit := t.flags.Int("n", store.UsualLimit, "list this `number` of traces at most")
	arguments, code, ok := parseArguments(t.flags, args, 1, c)
	if !ok {
		return code
	}
	if len(arguments) == 1 {
		return t.trace(ctx, c, arguments[0])
	}
	if len(query) == 0 && !t.asJSON {
		return t.traces(ctx, c)
	}
	query.Set("limit", fmt.Sprint(*limit))
	return one(ctx, t, c, tracesPath, query, func(l *store.TraceList) string { return drawing(c).Traces("Traces", l) })
}

// set puts the value of a flag into a query.
func set(query url.Values, name string) func(string) error {
	return func(value string) error {
		query.Set(name, value)
		return nil
	}
}

// traces lists the newest traces, those that failed and the slow ones.
func (t *target) traces(ctx context.Context, c console) int {
	console, err := t.connect(ctx, c)
	if err != nil {
		return t.fails(c, codeOf(err), err)
	}
	newest, failed, err := recent(ctx, console)
	if err != nil {
		return t.fails(c, codeOf(err), err)
	}
	slow := newest
	slow.Traces = slices.Clone(newest.Traces)
	slices.SortStableFunc(slow.Traces, func(a, b store.TraceSummary) int { return cmp.Compare(b.Seconds, a.Seconds) })
	style := drawing(c)
	var parts []string
	for _, list := range []struct {
		title string
		list  store.TraceList
	}{{"Newest", newest}, {"Failed", failed}, {"Slowest", slow}} {
		list.list.Traces = list.list.Traces[:min(len(list.list.Traces), traceShare)]
		parts = append(parts, style.Traces(list.title, &list.list))
	}
	_, err = io.WriteString(c.out, strings.Join(parts, "\n"))
	return t.printed(c, err)
}

// recent asks for the newest traces, and for those that failed, which are kept longer.
func recent(ctx context.Context, c *client) (newest, failed store.TraceList, err error) {
	all := url.Values{"limit": {fmt.Sprint(store.MaxLimit)}}
	if _, newest, err = readInto[store.TraceList](ctx, c, tracesPath, all); err != nil {
		return newest, failed, err
	}
	all.Set("errors", "1")
	_, failed, err = readInto[store.TraceList](ctx, c, tracesPath, all)
	return newest, failed, err
}

// trace draws one trace.
func (t *target) trace(ctx context.Context, c console, id string) int {
	id = strings.ToLower(id)
	if strings.Trim(id, "0123456789abcdef") != "" || len(id) > traceID {
		return t.fails(c, exitUsage, fmt.Errorf("%q is no trace id: want %d hexadecimal digits, or the first of them", id, traceID))
	}
	console, err := t.connect(ctx, c)
	if err != nil {
		return t.fails(c, codeOf(err), err)
	}
	if len(id) < traceID {
		newest, failed, err := recent(ctx, console)
		if err != nil {
			return t.fails(c, codeOf(err), err)
		}
		if id, err = complete(id, slices.Concat(newest.Traces, failed.Traces)); err != nil {
			return t.fails(c, exitFailed, err)
		}
	}
	raw, answer, err := readInto[store.Trace](ctx, console, tracesPath+"/"+id, nil)
	if err != nil {
		return t.fails(c, codeOf(err), err)
	}
	if t.asJSON {
		return t.printed(c, writeJSON(c.out, raw))
	}
	_, err = io.WriteString(c.out, drawing(c).Trace(&answer))
	return t.printed(c, err)
}

// complete finds the only id that begins so.
func complete(prefix string, traces []store.TraceSummary) (id string, err error) {
	var lines strings.Builder
	seen := map[string]bool{}
	for i := range traces {
		one := &traces[i]
		if !strings.HasPrefix(one.TraceID, prefix) || seen[one.TraceID] {
			continue
		}
		id, seen[one.TraceID] = one.TraceID, true
		if len(seen) <= traceShare {
			fmt.Fprintf(&lines, "\n  %s  %s", store.CleanLine(one.TraceID), store.CleanLine(one.Name))
		}
	}
	switch len(seen) {
	case 0:
		return "", fmt.Errorf("none of the newest traces begins with %s; otelmon trace lists them, and one that is older needs its whole id", prefix)
	case 1:
		return id, nil
	default:
		return "", fmt.Errorf("%d traces begin with %s; write more of the id, which may be one of%s", len(seen), prefix, lines.String())
	}
}
