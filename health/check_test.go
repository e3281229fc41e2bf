package health

import (
	"math"
	"strings"
	"testing"
	"time"
)

func TestCheckDefaults(t *testing.T) {
	given := Check{Name: "c", Func: pass}
	got := given.withDefaults()
	if given.Timeout != 0 || given.Probes != 0 {
		t.Error("the caller's check was changed")
	}
	if got.Timeout != 5*time.Second || got.Interval != 15*time.Second || got.TTL != 42500*time.Millisecond ||
		got.Probes != Readiness|Startup || got.Scope != External {
		t.Errorf("defaults %+v", got)
	}
	must(t, got.validate())
}

func TestCheckFaults(t *testing.T) {
	sound := Check{Name: "c", Func: pass}
	for want, change := range map[string]func(*Check){
		"":                          func(c *Check) { c.Scope, c.Probes = Internal, Liveness|Readiness },
		"name must have":            func(c *Check) { c.Name = "" },
		`"a\nb": name`:              func(c *Check) { c.Name = "a\nb" },
		"name must have 1 to 63":    func(c *Check) { c.Name = strings.Repeat("x", 64) },
		"Func is nil":               func(c *Check) { c.Func = nil },
		"Timeout -1s is negative":   func(c *Check) { c.Timeout = -time.Second },
		"Interval 1ms is below":     func(c *Check) { c.Interval = time.Millisecond },
		"TTL 20s is below":          func(c *Check) { c.TTL = 20 * time.Second },
		"or above a year":           func(c *Check) { c.Interval = math.MaxInt64 },
		"Scope 7 is unknown":        func(c *Check) { c.Scope = 7 },
		"Probes 0b1000 has unknown": func(c *Check) { c.Probes = 8 },
		"an external check can't be registered for liveness": func(c *Check) { c.Probes = Liveness },
		"external check": func(c *Check) { c.Scope, c.Probes = External, Liveness|Readiness|Startup },
	} {
		r := New(Options{})
		c := sound
		change(&c)
		err := r.Register(c)
		if want == "" {
			must(t, err)
		} else if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
		must(t, r.Shutdown(t.Context()))
	}
}

func TestAllFaultsAtOnce(t *testing.T) {
	err := New(Options{}).Register(Check{Name: "?", Timeout: -1, Interval: -1, Probes: Liveness})
	if err == nil || strings.Count(err.Error(), "\n") != 4 {
		t.Errorf("want all five faults, got %v", err)
	}
}

// A fault is told once: not also what follows from it.
func TestNoFaultsThatFollowFromOthers(t *testing.T) {
	for _, c := range []Check{
		{Interval: -1},
		{Interval: -time.Second},
		{Interval: time.Nanosecond},
		{Interval: math.MaxInt64},
		{Interval: -time.Hour, TTL: time.Minute},
		{Timeout: -time.Second},
		{Timeout: math.MaxInt64},
		{Timeout: -time.Hour, TTL: time.Minute},
		{TTL: -1},
		{TTL: 1},
		{Scope: 7, Probes: Liveness},
	} {
		c.Name, c.Func = "c", pass
		if err := New(Options{}).Register(c); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("want one fault of Interval %v, Timeout %v, TTL %v, Scope %d, got %v", c.Interval, c.Timeout, c.TTL, c.Scope, err)
		}
	}
	err := New(Options{}).Register(Check{Name: "c", Func: pass, Interval: -1, TTL: -1})
	if err == nil || !strings.Contains(err.Error(), "Interval -1ns") || !strings.Contains(err.Error(), "TTL -1ns") {
		t.Errorf("want two faults, got %v", err)
	}
}
