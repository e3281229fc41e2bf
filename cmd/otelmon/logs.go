package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/otelmon/otelmon-go/console/store"
)

const (
	logsPath     = "api/logs"
	patternsPath = "api/patterns"
)

func logsCommand(ctx context.Context, args []string, c console) int {
	t := newTarget("logs", "[flags]", "Shows log records, the newest last, or with -patterns what they have in common.")
	query := url.Values{}
	t.flags.Func("level", "show only this `level` and worse: "+strings.Join(store.Levels(), ", "), func(level string) error {
		if !slices.Contains(store.Levels(), strings.ToLower(level)) {
			return fmt.Errorf("want one of %s", strings.Join(store.Levels(), ", "))
		}
		query.Set("level", level)
		return nil
	})
	t.flags.Func("q", "show only records with this `text` in body, event, scope or attributes", set(query, "q"))
	t.flags.Func("trace", "show only records of the trace with this `id`", set(query, "trace"))
	t.flags.Func("since", "show only records since this `time`, or so long ago at most, such as 15m", set(query, "since"))
	limit := t.flags.Int("n", store.UsualLimit, "show this `number` of records at most")
	patterns := t.flags.Bool("patterns", false, "show what records have in common, the most frequent first")
	follow := t.flags.Bool("f", false, "go on with those that come")
	every := t.everyFlag()
	if code, ok := parse(t.flags, args, c); !ok {
		return code
	}
	query.Set("limit", fmt.Sprint(*limit))
	switch {
	case *patterns && *follow:
		return t.fails(c, exitUsage, errors.New("patterns are of what is there already: use -patterns or -f"))
	case *patterns:
		return one(ctx, t, c, patternsPath, query, drawing(c).Patterns)
	case !*follow:
		return one(ctx, t, c, logsPath, query, drawing(c).Logs)
	}
	return t.followLogs(ctx, c, query, *every)
}

func (t *target) followLogs(ctx context.Context, c console, query url.Values, every time.Duration) int {
	var tail tail
	a := &asker[store.LogList]{t: t, c: c, ask: func(ctx context.Context, c *client) (store.LogList, error) {
		_, list, err := readInto[store.LogList](ctx, c, logsPath, query)
		return list, err
	}}
	return a.follow(ctx, every, func(l store.LogList) error {
		missed := tail.cut(&l)
		query.Set("limit", fmt.Sprint(store.MaxLimit)) // of what comes, all is wanted
		if missed {
			_, _ = fmt.Fprintln(c.err, "otelmon logs: more came than one answer holds; some are not shown")
		}
		if t.asJSON {
			return writeRecords(c.out, l.Logs)
		}
		_, err := io.WriteString(c.out, drawing(c).Logs(&l))
		return err
	})
}

// writeRecords writes a line of JSON for each record.
func writeRecords(w io.Writer, records []store.LogRecord) error {
	for _, r := range slices.Backward(records) {
		raw, err := json.Marshal(r)
		if err != nil {
			return err
		}
		if err := writeJSON(w, raw); err != nil {
			return err
		}
	}
	return nil
}

// tail knows the records of the last answer.
type tail struct {
	seen   map[string]int
	oldest time.Time // of them; zero when older ones were not left out
	begun  bool
}

// cut leaves the records that are new. It tells whether there may have been more.
func (t *tail) cut(l *store.LogList) (missed bool) {
	seen := map[string]int{}
	known := false
	isNew := func(r store.LogRecord) bool {
		key := fmt.Sprint(r.Time.UnixNano(), r.TraceID, r.SpanID, r.Level, r.Event, r.Body, r.Attributes)
		seen[key]++
		old := seen[key] <= t.seen[key] || r.Time.Before(t.oldest)
		known = known || old
		return !old
	}
	all := len(l.Logs)
	var fresh []store.LogRecord
	var oldest time.Time
	if all > 0 && l.Truncated {
		oldest = l.Logs[all-1].Time
	}
	for _, r := range l.Logs {
		if isNew(r) {
			fresh = append(fresh, r)
		}
	}
	missed = t.begun && l.Truncated && !known && all > 0
	l.Logs = fresh
	t.seen, t.begun, t.oldest = seen, true, oldest
	return missed
}
