package drill

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
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
}

// Run plays all scenarios at the same time. It takes less than 20 s and returns
// soon after ctx is done, what was under way then having failed.
func Run(ctx context.Context, o Options) Report {
	report := Report{Version: 1, Verdict: Failed}
	if o.Environ == nil {
		o.Environ = os.Environ()
	}
	set, err := settings.Resolve(o.Environ, nil)
	if err != nil {
		report.Fault = fmt.Sprintf("the settings are wrong: %v", err)
		return report
	}
	outbox, err := outboxOf(set)
	if err != nil {
		report.Fault = err.Error()
		return report
	}
	dir, err := directory(o.Dir, outbox.Dir)
	if err != nil {
		report.Fault = fmt.Sprintf("make a directory for the drill: %v", err)
		return report
	}
	report.Waits = "memory"
	if dir != "" {
		report.Waits = "directory"
	}
	report.Scenarios = play(ctx, scenarios(), outbox, dir)
	report.conclude()
	if dir != "" {
		if err := os.RemoveAll(dir); err != nil {
			report.Verdict, report.Fault = Failed, fmt.Sprintf("remove the directory of the drill: %v", err)
		}
	}
	return report
}

// play returns the results in the order of the scenarios.
func play(ctx context.Context, all []scenario, outbox exporters.Options, dir string) []Result {
	results := make([]Result, len(all))
	var played sync.WaitGroup
	for i, s := range all {
		own := outbox
		if own.Dir = ""; dir != "" {
			own.Dir = filepath.Join(dir, strings.ReplaceAll(s.name, " ", "-"))
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

// patience is the timeout of an attempt, so that one that hangs takes no longer.
const patience = time.Second

// outboxOf is what otelmon.Start makes of the settings. Its endpoints are yet to
// be pointed to the receiver of a scenario.
func outboxOf(set *settings.Set) (exporters.Options, error) {
	o, sends := endpoint.Outbox(set)
	if !sends {
		return exporters.Options{}, errors.New("nothing is sent by OTLP, so there is nothing to try")
	}
	to := &o.Destinations[0]
	for _, e := range []**exporters.Endpoint{&to.Traces, &to.Metrics, &to.Logs} {
		if own := *e; own != nil {
			*e = &exporters.Endpoint{Protocol: own.Protocol, Compression: own.Compression, Timeout: patience}
		}
	}
	o.Report = func(error) {} // of the trouble that is made on purpose
	return o, nil
}
