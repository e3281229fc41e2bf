package mcp

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/otelmon/otelmon-go/console/store"
)

// maxPoints bounds the points of a history in an answer.
const maxPoints = 30

func metricsTool() *tool {
	return &tool{
		name: "query_metrics",
		about: "Series of metrics: current value (rate of counters, quantiles of histograms) and the history of the window (gauges: value; " +
			"counters: per second; histograms: p95) with its range and change. Without name and match: which metrics there are.",
		takes: []argument{
			{name: "name", about: `an instrument, also with attributes: requests{route=/pay}`},
			{name: "match", about: "series whose name or attributes contain this"},
			{name: "since", about: "length of the history", kind: kindDuration, longest: usualSince, usual: usualSince},
			limitArgument(10, 50),
		},
		answer: func(_ context.Context, c *client, in arguments) (*answer, error) {
			if in.text("name") == "" && in.text("match") == "" {
				return c.catalogue(), nil
			}
			return c.metrics(in.text("name"), in.text("match"), in.duration("since"), in.count("limit")), nil
		},
	}
}

func (c *client) catalogue() *answer {
	found := c.con.Metrics("", math.MaxInt)
	a := begin(fmt.Sprintf("%d metrics with %d series.", len(found.Instruments), found.Total), found.AsOf, c.con.Summary().Started)
	list(a, "metrics", 100, len(found.Instruments), found.Instruments, func(in *store.Instrument) *object {
		o := view(in, "series", "scope")
		o.put("series", len(in.Series))
		return o
	})
	if len(found.Instruments) > 0 {
		a.ask("query_metrics", "the series of one", "name", found.Instruments[0].Name)
	}
	a.link(c.url("metrics"))
	return a
}

// series is one with the instrument that it is of.
type series struct {
	of *store.Instrument
	store.Series
}

// matching returns the series of a name, with the attributes that may follow it,
// whose name or attributes contain match.
func (c *client) matching(name, match string) (found []series, asOf time.Time) {
	name, wanted, _ := strings.Cut(strings.ToLower(name), "{")
	name = strings.TrimSpace(name)
	var pairs []string
	for p := range strings.SplitSeq(strings.TrimSuffix(strings.TrimSpace(wanted), "}"), ",") {
		if p = strings.TrimSpace(p); p != "" {
			pairs = append(pairs, strings.ReplaceAll(p, `"`, ""))
		}
	}
	all := c.con.Metrics(match, math.MaxInt)
	isExact := slices.ContainsFunc(all.Instruments, func(in store.Instrument) bool { return strings.EqualFold(in.Name, name) })
	for i := range all.Instruments {
		in := &all.Instruments[i]
		lower := strings.ToLower(in.Name)
		if isExact && lower != name || !strings.Contains(lower, name) {
			continue
		}
		for _, s := range in.Series {
			attributes := strings.ToLower(s.Attributes.String())
			if !slices.ContainsFunc(pairs, func(p string) bool { return !strings.Contains(attributes, p) }) {
				found = append(found, series{in, s})
			}
		}
	}
	return found, all.AsOf
}

func (c *client) metrics(name, match string, since time.Duration, limit int) *answer {
	found, asOf := c.matching(name, match)
	a := begin(fmt.Sprintf("%d series match.", len(found)), asOf, asOf.Add(-since))
	a.put("seconds_between_points", int(historyStep.Seconds())*step30(since))
	list(a, "series", 100, len(found), found[:min(len(found), limit)], func(s *series) *object { return oneSeries(s, since) })
	for i := range found[:min(len(found), limit)] {
		if id := found[i].TraceID; id != "" {
			a.ask("get_trace", "an example of the slowest", "trace_id", id, "view", "critical_path")
			break
		}
	}
	if len(found) == 0 {
		a.ask("query_metrics", "which metrics there are")
	}
	if name == "" {
		name = match
	}
	name, _, _ = strings.Cut(name, "{")
	a.link(c.url("metrics", "q", name))
	return a
}

// historyStep is the time between points of the store's histories.
const historyStep = 5 * time.Second

// step30 returns how many points of a history become one.
func step30(since time.Duration) int {
	return max(1, int(math.Ceil(float64(since/historyStep)/maxPoints)))
}

func oneSeries(s *series, since time.Duration) *object {
	o := view(s.of, "series", "scope", "description")
	o.join(view(&s.Series, "history"))
	history(o, s.History, since)
	return o
}

// history puts the points of a window: their range, how the newer half differs
// from the older one, and at most maxPoints of them, each the largest of its time.
func history(o *object, all []store.Number, since time.Duration) {
	all = all[max(0, len(all)-int(since/historyStep)):]
	least, most := store.Unknown(), store.Unknown()
	var points []store.Number
	n := step30(since)
	for i := 0; i < len(all); i += n {
		top := store.Unknown()
		for _, v := range all[i:min(i+n, len(all))] {
			if !v.Known() {
				continue
			}
			top = larger(top, v)
			if !least.Known() || v < least {
				least = v
			}
		}
		most = larger(most, top)
		if top.Known() {
			points = append(points, top)
		}
	}
	if len(points) == 0 {
		return
	}
	o.put("least", least)
	o.put("most", most)
	if older, newer := mean(all[:len(all)/2]), mean(all[len(all)/2:]); older.Known() && newer.Known() {
		o.put("mean_of_older_half", older)
		o.put("mean_of_newer_half", newer)
	}
	b := []byte{'['}
	for i, v := range points {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendNumber(b, float64(v))
	}
	o.raw("history", append(b, ']'))
}

func larger(a, b store.Number) store.Number {
	if !a.Known() || b > a {
		return b
	}
	return a
}

// mean is of the values that are known.
func mean(all []store.Number) store.Number {
	sum, n := store.Number(0), 0
	for _, v := range all {
		if v.Known() {
			sum += v
			n++
		}
	}
	return sum / store.Number(n)
}
