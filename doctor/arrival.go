package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/otelmon/otelmon-go/exporters"
)

// store is where the telemetry of one signal ends up.
type store struct {
	name   string
	signal exporters.Signal
	base   string
	// guessed is true for one that was not named. It may be there for something
	// else.
	guessed bool
	alive   func(context.Context, string) error
	holds   func(context.Context, string, exporters.Probe) (bool, error)
}

func (p *patient) stores() []store {
	all := []store{
		{name: "Jaeger", signal: exporters.Traces, base: p.Jaeger, alive: aliveJaeger, holds: inJaeger},
		{name: "Prometheus", signal: exporters.Metrics, base: p.Prometheus, alive: alivePrometheus, holds: inPrometheus},
		{name: "Loki", signal: exporters.Logs, base: p.Loki, alive: aliveLoki, holds: inLoki},
	}
	for i, published := range []string{"http://127.0.0.1:16686", "http://127.0.0.1:9090", "http://127.0.0.1:3100"} {
		if all[i].base == "" {
			all[i].base, all[i].guessed = published, true
		}
		all[i].base = strings.TrimRight(all[i].base, "/")
	}
	return all
}

// arrival asks the stores for the probe until they have it.
func (p *patient) arrival(ctx context.Context, sent []delivery) []Check {
	stores := slices.DeleteFunc(p.stores(), func(s store) bool { return s.base == Off || s.guessed && !p.maybeHere(ctx, s, sent) })
	// A single store that was guessed may be somebody else's; two of them are the
	// compose stack.
	silence := Warning
	if guessed(stores) > 1 {
		silence = Failed
	}
	checks := make([]Check, len(stores))
	var asking sync.WaitGroup
	for i, s := range stores {
		asking.Go(func() { checks[i] = p.ask(ctx, s, sent, silence) })
	}
	asking.Wait()
	if len(checks) == 0 && !slices.ContainsFunc(sent, func(d delivery) bool { return d.result.Taken }) {
		return []Check{{Name: CheckArrival, Verdict: Skipped, Found: "No receiver took the probe, so no store was asked for it."}}
	}
	if len(checks) == 0 {
		return []Check{{
			Name: CheckArrival, Verdict: Skipped, Found: "Whether the probe has reached its store was not looked at, as none is known.",
			Fix: "Name it: -jaeger http://127.0.0.1:16686, -prometheus http://127.0.0.1:9090, -loki http://127.0.0.1:3100.",
		}}
	}
	return checks
}

func guessed(stores []store) (n int) {
	for _, s := range stores {
		if s.guessed {
			n++
		}
	}
	return n
}

// maybeHere reports whether the compose stack's store could have the probe.
func (p *patient) maybeHere(ctx context.Context, s store, sent []delivery) bool {
	local := slices.ContainsFunc(sent, func(d delivery) bool { return d.signal == s.signal && d.onLoopback() && d.result.Taken })
	if !local {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	return s.alive(ctx, s.base) == nil
}

// ask waits until the store has the probe. silence is the verdict on one that was
// guessed and has not.
func (p *patient) ask(ctx context.Context, s store, sent []delivery, silence Verdict) Check {
	c := Check{Name: CheckArrival, Subject: s.signal.String(), Verdict: Failed}
	if !slices.ContainsFunc(sent, func(d delivery) bool { return d.signal == s.signal && d.result.Taken }) {
		c.Verdict, c.Found = Skipped, fmt.Sprintf("%s was not asked, since no receiver took the probe.", s.name)
		return c
	}
	begun := time.Now()
	err := p.poll(ctx, s)
	if err == nil {
		c.Verdict, c.Found = OK, fmt.Sprintf("The probe is in %s, %s after it was taken.", s.name, time.Since(begun).Round(100*time.Millisecond))
		return c
	}
	if s.guessed {
		c.Verdict = silence
	}
	where := shownBase(s.base)
	c.Found = fmt.Sprintf("The receiver took the probe, but %s at %s has not got it after %s.", s.name, where, p.Arrival)
	c.Fix = fmt.Sprintf("Look into the collector's log and its pipeline of %s: its exporters must lead to %s, and no filter or sampler may drop the probe.", s.signal, s.name)
	if !errors.Is(err, errMissing) {
		c.Found = fmt.Sprintf("%s at %s cannot be asked for the probe.", s.name, where)
		c.Fix = fmt.Sprintf("Check the address given for %s and that it runs.", s.name)
		c.Detail = err.Error()
	}
	return c
}

var errMissing = errors.New("the probe is not there")

// poll ends with nil when the store has the probe, errMissing when it has not by
// the end, or with why it could not be asked.
func (p *patient) poll(ctx context.Context, s store) error {
	ctx, cancel := context.WithTimeout(ctx, p.Arrival)
	defer cancel()
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	last := errMissing
	for {
		found, err := s.holds(ctx, s.base, p.probe)
		switch {
		case found:
			return nil
		case err == nil:
			last = errMissing
		case ctx.Err() == nil:
			last = err
		}
		select {
		case <-ctx.Done():
			return last
		case <-tick.C:
		}
	}
}
