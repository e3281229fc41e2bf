package mcp

import (
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
			{name: "since", about: "length of the history, at most 6h", kind: kindDuration, longest: longestHistory, usual: usualSince},
			limitArgument(10, 50),
		},
		read: (*client).metrics,
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
func (c *client) matching(name, match string) (found []series) {
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
	return found
}

func (c *client) metrics(in arguments) (*answer, error) {
	name, match, since, limit := in.text("name"), in.text("match"), in.duration("since"), in.count("limit")
	if name == "" && match == "" {
		return c.catalogue(), nil
	}
	found := c.matching(name, match)
	p := c.past(since, match)
	n := grouped(p.at.Sub(p.since), p.every)
	now := time.Now()
	a := begin(fmt.Sprintf("%d series match.", len(found)), now, later(now.Add(-since), p.since))
	a.put("seconds_between_points", int((time.Duration(n) * p.every).Seconds()))
	list(a, "series", 100, len(found), found[:min(len(found), limit)], func(s *series) *object {
		o := view(s.of, "series", "scope", "description")
		o.join(view(&s.Series, "history"))
		points := p.of(s)
		if begun := p.begun(points); len(points) > 0 && begun.After(p.since) {
			o.put("since", begun)
		}
		history(o, points, n)
		return o
	})
	for i := range found[:min(len(found), limit)] {
		if id := found[i].TraceID; id != "" {
			a.ask("get_trace", "an example of the slowest", "trace_id", id, "view", "critical_path")
			break
		}
	}
	if len(found) == 0 {
		a.ask("query_metrics", "which metrics there are")
	} else if since < longestHistory {
		a.ask("query_metrics", "the same over six hours", "name", name, "match", match, "since", short(longestHistory))
	}
	a.ask("compare", "what else has shifted")
	if name == "" {
		name = match
	}
	name, _, _ = strings.Cut(name, "{")
	a.link(c.url("metrics", "q", name))
	return a, nil
}

// longestHistory is how far back metrics are kept.
const longestHistory = 6 * time.Hour

// past is the history of metrics over a time, or since the start, in the finer of
// the store's resolutions that reaches so far.
type past struct {
	at, since time.Time // of the newest points, and of the oldest
	every     time.Duration
	points    map[string][]store.Number
}

func (c *client) past(since time.Duration, match string) *past {
	age := max(time.Since(c.con.Summary().Started), time.Second)
	h := c.con.History(store.HistoryQuery{Text: match, Window: min(since, age), Limit: math.MaxInt})
	p := &past{at: h.AsOf, since: h.Since, every: interval(h.Interval), points: map[string][]store.Number{}}
	for i := range h.Series {
		s := &h.Series[i]
		p.points[identity(s.Scope, s.Name, s.Attributes)] = s.Values
	}
	return p
}

func identity(scope, name string, attributes store.Attributes) string {
	return scope + "\n" + name + "\n" + attributes.String()
}

// of returns the points of a series, the oldest first.
func (p *past) of(s *series) []store.Number {
	return p.points[identity(s.of.Scope, s.of.Name, s.Attributes)]
}

// begun returns when the first of these points was.
func (p *past) begun(points []store.Number) time.Time {
	return p.at.Add(-time.Duration(len(points)-1) * p.every)
}

func interval(seconds store.Number) time.Duration {
	return time.Duration(float64(seconds) * float64(time.Second))
}

// grouped returns how many points of a history of so long become one.
func grouped(long, every time.Duration) int {
	return 1 + int(long/every)/maxPoints
}

// history puts the points of a window: their range, how the newer half differs
// from the older one, and the largest known of each n.
func history(o *object, all []store.Number, n int) {
	least, most := store.Unknown(), store.Unknown()
	var points []store.Number
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
