package console

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/otelmon/otelmon-go/console/diagnosis"
	"github.com/otelmon/otelmon-go/console/store"
)

// ask is what a request wants to know.
type ask struct {
	values url.Values
	trace  trace.TraceID // of an address of one trace

	scope     Scope // of who asks
	isSession bool  // who asks has logged in
}

// text returns a parameter, safe to show.
func (a ask) text(name string) string {
	return strings.TrimSpace(store.CleanLine(store.Cut(a.values.Get(name), longestText)))
}

func (a ask) flag(name string) bool {
	v := a.values.Get(name)
	return v != "" && v != "0" && v != "false"
}

func (a ask) limit() (int, error) {
	v := a.values.Get("limit")
	if v == "" {
		return store.UsualLimit, nil
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 || n > store.MaxLimit {
		return store.UsualLimit, fmt.Errorf("limit=%s: want a number from 1 to %d", a.text("limit"), store.MaxLimit)
	}
	return n, nil
}

// diagnosis has a lower limit than lists, so a higher one counts as that.
func (a ask) diagnosis() (diagnosis.Question, error) {
	q := diagnosis.Question{Component: a.text("component")}
	var err error
	if a.text("limit") != "" {
		q.Limit, err = a.limit()
	}
	since, bad := a.duration("since", "15m")
	q.Since = since
	return q, errors.Join(err, bad)
}

// duration is zero when it is not given.
func (a ask) duration(name, example string) (time.Duration, error) {
	v := a.text(name)
	if v == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(v)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("%s=%s: want a duration such as %s", name, v, example)
	}
	return d, nil
}

// moment is a time, or how long ago it was; zero when it is not given.
func (a ask) moment(name string) (time.Time, error) {
	v := a.text(name)
	if v == "" {
		return time.Time{}, nil
	}
	if d, err := time.ParseDuration(v); err == nil && d >= 0 {
		return time.Now().Add(-d), nil
	}
	t, err := time.Parse(time.RFC3339, v)
	if err != nil {
		return time.Time{}, fmt.Errorf("%s=%s: want a time such as 2026-01-31T12:00:00Z, or how long ago, such as 15m", name, v)
	}
	return t, nil
}

func (a ask) window() (since, until time.Time, err error) {
	since, err = a.moment("since")
	until, bad := a.moment("until")
	return since, until, errors.Join(err, bad)
}

// window is the time that a page is about.
type window struct {
	Since, Until string     // as asked for
	From         *time.Time // older telemetry may be gone; nil while all is kept
}

// shown tells of what time a list is: all is kept from complete on, which was
// when the console began unless something was dropped since.
func (a ask) shown(complete, began time.Time) window {
	w := window{Since: a.text("since"), Until: a.text("until")}
	if complete.After(began) {
		w.From = &complete
	}
	return w
}

func (a ask) traces() (store.TraceQuery, error) {
	limit, err := a.limit()
	since, until, bad := a.window()
	err = errors.Join(err, bad)
	q := store.TraceQuery{Text: a.text("q"), Errors: a.flag("errors"), Running: a.flag("running"), Since: since, Until: until, Limit: limit}
	least, bad := a.duration("min", "250ms")
	q.Least = least
	return q, errors.Join(err, bad)
}

// metrics are those whose name or attributes contain q or, when name is given,
// those of this name.
func (a ask) metrics(c *Console, limit int) store.MetricList {
	name := a.text("name")
	if name == "" {
		return c.Metrics(a.text("q"), limit)
	}
	list := c.Metrics(name, store.MaxSeries)
	list.Instruments = slices.DeleteFunc(list.Instruments, func(i store.Instrument) bool { return i.Name != name })
	list.Total = 0
	for _, i := range list.Instruments {
		list.Total += len(i.Series)
	}
	return list
}

func (a ask) logs() (store.LogQuery, error) {
	limit, err := a.limit()
	since, until, bad := a.window()
	err = errors.Join(err, bad)
	q := store.LogQuery{Level: strings.ToLower(a.text("level")), Text: a.text("q"), Since: since, Until: until, Limit: limit}
	if q.Level != "" && !slices.Contains(store.Levels(), q.Level) {
		err = errors.Join(err, fmt.Errorf("level=%s: want one of %s", q.Level, strings.Join(store.Levels(), ", ")))
		q.Level = ""
	}
	if v := a.text("trace"); v != "" {
		id, bad := trace.TraceIDFromHex(strings.ToLower(v))
		if bad != nil {
			err = errors.Join(err, fmt.Errorf("trace=%s: want the 32 hexadecimal digits of a trace id", v))
		}
		q.Trace = id
	}
	return q, err
}

// unknownNames returns an error that names the parameters nobody reads.
func (a ask) unknownNames(known []string) error {
	var errs []error
	for name := range a.values {
		if !slices.Contains(known, name) {
			errs = append(errs, fmt.Errorf("unknown parameter %s: there are %s",
				store.CleanLine(store.Cut(name, 64)), cmp.Or(strings.Join(known, ", "), "none")))
		}
	}
	return errors.Join(errs...)
}

// longestText is how much of a parameter is read, in bytes.
const longestText = 256
