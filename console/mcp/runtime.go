package mcp

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"runtime/pprof"
	"slices"
	"strings"
	"time"

	"github.com/google/pprof/profile"

	"github.com/otelmon/otelmon-go/console"
	"github.com/otelmon/otelmon-go/console/store"
)

func runtimeTool() *tool {
	return &tool{
		name:  "get_runtime",
		about: "The Go runtime. figures: goroutines, heap, GC, scheduling, locks, with history; goroutines: grouped by stack; heap: what holds memory.",
		takes: []argument{
			{name: "sections", about: "which; default figures and goroutines", kind: kindChoice, choices: []string{"figures", "goroutines", "heap"}},
			limitArgument(8, 50),
		},
		read: (*client).runtime,
	}
}

func (c *client) runtime(in arguments) (*answer, error) {
	section, limit := in.text("sections"), in.count("limit")
	r := c.con.Runtime()
	var said []string
	for _, f := range r.Figures[:min(len(r.Figures), 3)] {
		said = append(said, fmt.Sprintf("%s: %s %s", f.Title, appendNumber(nil, float64(f.Value)), f.Unit))
	}
	from := later(r.AsOf.Add(-usualSince), c.con.Summary().Started)
	a := begin(strings.Join(said, ", "), r.AsOf, from)
	if section == "" || section == "figures" {
		list(a, "figures", 60, len(r.Figures), r.Figures, func(f *store.Figure) *object {
			o := view(f, "title", "history")
			history(o, f.History, grouped(r.AsOf.Sub(from), interval(r.Interval)))
			return o
		})
	}
	if section == "" || section == "goroutines" {
		g := c.con.Goroutines(limit)
		a.put("goroutines", g.Total)
		groups := len(g.Groups)
		if g.Truncated {
			groups = -1
		}
		list(a, "groups", 100, groups, g.Groups, func(g *console.GoroutineGroup) *object { return view(g) })
	}
	if section == "heap" {
		var b bytes.Buffer
		if err := pprof.Lookup(console.ProfileHeap).WriteTo(&b, 0); err != nil {
			return nil, fmt.Errorf("read the heap: %w", err)
		}
		if err := top(a, console.ProfileHeap, &b, limit); err != nil {
			return nil, err
		}
	}
	for _, other := range []struct{ section, reason string }{
		{"goroutines", "where goroutines wait"}, {"heap", "what holds the memory"}, {"figures", "goroutines, memory and GC over time"},
	} {
		if other.section != section && (section != "" || other.section == "heap") {
			a.ask("get_runtime", other.reason, "sections", other.section)
		}
	}
	a.ask("take_profile", "what the CPU does", "kind", console.ProfileCPU)
	a.link(c.url("runtime"))
	return a, nil
}

func levelTool() *tool {
	return &tool{
		name:  "set_log_level",
		about: "Changes the level of the program's logger for a time; then it goes back by itself.",
		takes: []argument{
			{name: "level", about: "the new level", kind: kindChoice, choices: []string{"debug", "info", "warn", "error"}, required: true},
			{name: "for", about: "how long", kind: kindDuration, longest: time.Hour, usual: usualSince},
		},
		example: map[string]any{"level": "debug", "for": "15m"},
		act:     (*client).setLevel, again: true,
	}
}

func (c *client) setLevel(ctx context.Context, in arguments) (*answer, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(in.text("level"))); err != nil {
		return nil, err
	}
	now, err := c.con.SetLogLevel(ctx, c.who, level, in.duration("for"))
	if err != nil {
		return nil, err
	}
	a := begin(fmt.Sprintf("The level is %s, and goes back to %s by itself.", now.Level, now.Usual), time.Now(), time.Now())
	a.put("log_level", view(now))
	a.ask("search_logs", "what is logged now", "since", "1m")
	return a, nil
}

func profileTool() *tool {
	kinds := slices.DeleteFunc(console.ProfileKinds(), func(kind string) bool { return kind == console.ProfileTrace })
	return &tool{
		name:  "take_profile",
		about: "Measures the program for some seconds and returns the functions that take the most. cpu, mutex and block last; the others do not.",
		takes: []argument{
			{name: "kind", about: "which profile", kind: kindChoice, choices: kinds, usual: console.ProfileCPU},
			{name: "seconds", about: "how long it measures", kind: kindCount, most: 30, usual: 5},
			limitArgument(15, 50),
		},
		act: (*client).takeProfile,
	}
}

func (c *client) takeProfile(ctx context.Context, in arguments) (*answer, error) {
	var b bytes.Buffer
	kind := in.text("kind")
	started := time.Now()
	if err := c.con.WriteProfile(ctx, c.who, kind, time.Duration(in.count("seconds"))*time.Second, &b); err != nil {
		return nil, err
	}
	a := begin("The profile "+kind+": the functions that take the most, by what they take themselves.", time.Now(), started)
	if err := top(a, kind, &b, in.count("limit")); err != nil {
		return nil, err
	}
	a.ask("get_runtime", "what goroutines do", "sections", "goroutines")
	a.link(c.url("control")) // where the whole profile can be taken
	return a, nil
}

// function is what a profile says of one.
type function struct {
	Name  string       `json:"function"`
	Place string       `json:"at"`
	Self  store.Number `json:"self"`
	Total store.Number `json:"total"`
}

// top puts the functions of a profile that take the most.
func top(a *answer, kind string, from *bytes.Buffer, limit int) error {
	p, err := profile.Parse(from)
	if err != nil {
		return fmt.Errorf("read the profile %s: %w", kind, err)
	}
	at := len(p.SampleType) - 1
	if kind == console.ProfileGoroutine {
		at = 0
	}
	byName := map[string]*function{}
	var whole int64
	for _, s := range p.Sample {
		whole += s.Value[at]
		seen := map[string]bool{}
		for i, l := range s.Location {
			for j, line := range l.Line {
				f := byName[line.Function.Name]
				if f == nil {
					f = &function{Name: line.Function.Name, Place: fmt.Sprintf("%s:%d", line.Function.Filename, line.Line)}
					byName[f.Name] = f
				}
				if i == 0 && j == 0 {
					f.Self += store.Number(s.Value[at])
				}
				if !seen[f.Name] {
					f.Total += store.Number(s.Value[at])
				}
				seen[f.Name] = true
			}
		}
	}
	all := make([]*function, 0, len(byName))
	for _, f := range byName {
		all = append(all, f)
	}
	slices.SortFunc(all, func(a, b *function) int {
		return cmp.Or(cmp.Compare(b.Self, a.Self), cmp.Compare(b.Total, a.Total), strings.Compare(a.Name, b.Name))
	})
	a.put("unit", p.SampleType[at].Unit)
	a.put("total", store.Number(whole))
	list(a, "functions", 100, len(all), all[:min(len(all), limit)], func(f **function) *object {
		o := view(*f)
		o.put("self_share", (*f).Self/store.Number(max(whole, 1)))
		return o
	})
	return nil
}
