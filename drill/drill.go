package drill

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/otelmon/otelmon-go/exporters"
	"github.com/otelmon/otelmon-go/internal/endpoint"
	"github.com/otelmon/otelmon-go/internal/settings"
)

// Options says what to try. The zero value is this process and its environment.
type Options struct {
	// Environ is the environment as [os.Environ] gives it, which is the default.
	Environ []string
	// Dir is where a directory is made, and removed at the end, for telemetry to
	// wait in. Default: beside OTELMON_OUTBOX_DIR; without that telemetry waits in
	// memory, as in the program.
	Dir string
	// Backend lets what is made go on to the endpoints of the settings, past those
	// faults alone that lie on the way. It is at most [MaxItems], of the service
	// otelmon-drill. By default nothing leaves this machine.
	Backend bool
}

// MaxItems is the most spans, data points and log records that a drill sends to
// the endpoints of the settings, those included that are sent again.
const MaxItems = 1000

// course is what the scenarios of a run have in common.
type course struct {
	environ []string
	outbox  exporters.Options
	dir     string   // "" if telemetry waits in memory
	beyond  *beyond  // nil if nothing leaves this machine
	victim  []string // program and arguments; nil if nothing can be killed
}

// Run plays all scenarios at the same time, but for "killed". It returns within
// 20 s, or with a backend that answers late within a minute, and soon after ctx is
// done, what was under way then having failed.
func Run(ctx context.Context, o Options) Report { return run(ctx, o, nil) }

// RunKilling is [Run] with the scenario "killed": it starts the program, which
// must call [Victim], and kills it.
func RunKilling(ctx context.Context, o Options, program string, args ...string) Report {
	return run(ctx, o, append([]string{program}, args...))
}

func run(ctx context.Context, o Options, victim []string) Report {
	report := Report{Version: 1, Verdict: Failed}
	if o.Environ == nil {
		o.Environ = os.Environ()
	}
	set, err := settings.Resolve(o.Environ, nil)
	if err != nil {
		report.Fault = fmt.Sprintf("the settings are wrong: %v", err)
		return report
	}
	c := course{environ: o.Environ, victim: victim}
	if c.outbox, err = outboxOf(set); err != nil {
		report.Fault = err.Error()
		return report
	}
	if o.Backend {
		if c.beyond, err = newBeyond(c.outbox.Destinations[0]); err != nil {
			report.Fault = fmt.Sprintf("the endpoint is wrong: %v", err)
			return report
		}
		defer c.beyond.close()
		report.Backend = c.beyond.hosts
	}
	c.dir, err = directory(o.Dir, c.outbox.Dir)
	if err != nil {
		report.Fault = fmt.Sprintf("make a directory for the drill: %v", err)
		return report
	}
	report.Waits = "memory"
	if c.dir != "" {
		report.Waits = "directory"
	}
	c.playAll(ctx, &report)
	report.conclude()
	if c.dir != "" {
		if err := os.RemoveAll(c.dir); err != nil {
			report.Verdict, report.Fault = Failed, fmt.Sprintf("remove the directory of the drill: %v", err)
		}
	}
	return report
}

// playAll plays what can be played. A backend that does not take what nothing is
// wrong with is asked no more.
func (c course) playAll(ctx context.Context, report *Report) {
	all, first := scenarios(), 0
	if c.beyond != nil {
		all, first = slices.DeleteFunc(all, func(s scenario) bool { return !s.beyond }), 1
	} else if why := c.unkillable(); why != "" {
		all = slices.DeleteFunc(all, func(s scenario) bool { return s.name == nameKilled })
		report.Skipped = []Skip{{nameKilled, why}}
	}
	report.Scenarios = c.play(ctx, all[:first])
	for _, r := range report.Scenarios {
		if r.Verdict == Failed || slices.ContainsFunc(r.Accounts, func(a Account) bool { return a.Delivered == 0 }) {
			report.Fault = "the backend does not take what nothing is wrong with, so nothing else was tried; otelmon doctor finds out why"
			return
		}
	}
	report.Scenarios = append(report.Scenarios, c.play(ctx, all[first:])...)
}

// play returns the results in the order of the scenarios.
func (c course) play(ctx context.Context, all []scenario) []Result {
	results := make([]Result, len(all))
	var played sync.WaitGroup
	for i, s := range all {
		own := c
		if own.outbox.Dir = ""; c.dir != "" {
			own.outbox.Dir = filepath.Join(c.dir, strings.ReplaceAll(s.name, " ", "-"))
		}
		played.Go(func() {
			begun := time.Now()
			results[i] = s.result(ctx, own)
			results[i].Seconds = time.Since(begun).Seconds()
		})
	}
	played.Wait()
	return results
}

// directory makes one that nothing else is in; "" if telemetry waits in memory.
func directory(wanted, configured string) (string, error) {
	switch {
	case wanted != "":
	case configured == "":
		return "", nil
	default:
		wanted = filepath.Dir(filepath.Clean(configured))
	}
	return os.MkdirTemp(wanted, ".otelmon-drill-")
}

// outboxOf is what otelmon.Start makes of the settings. Its endpoints are yet to
// be pointed to the receiver of a scenario.
func outboxOf(set *settings.Set) (exporters.Options, error) {
	o, sends := endpoint.Outbox(set)
	if !sends {
		return exporters.Options{}, errors.New("nothing is sent by OTLP, so there is nothing to try")
	}
	o.Report = func(error) {} // of the trouble that is made on purpose
	return o, nil
}
