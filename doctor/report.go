package doctor

import (
	"errors"
	"fmt"

	"github.com/otelmon/otelmon-go/exporters"
)

// A Verdict is what a check ends with.
type Verdict string

// The verdicts, from good to bad.
const (
	Skipped Verdict = "skipped" // could not be tried, or made no sense
	OK      Verdict = "ok"
	Warning Verdict = "warning" // works, but perhaps not as meant
	Failed  Verdict = "failed"  // telemetry does not arrive, or does not start
)

// The names of checks. New ones may come.
const (
	CheckSettings    = "settings"    // a value that is wrong, a variable without effect
	CheckService     = "service"     // service.name
	CheckExport      = "export"      // whether anything is exported at all
	CheckSampler     = "sampler"     // whether traces are recorded
	CheckModules     = "modules"     // versions of OpenTelemetry in the binary
	CheckOutbox      = "outbox"      // OTELMON_OUTBOX_DIR
	CheckDelivery    = "delivery"    // what the receiver answers to a probe
	CheckContainer   = "container"   // localhost within a container
	CheckCertificate = "certificate" // of the receiver
	CheckClock       = "clock"       // against the receiver's
	CheckArrival     = "arrival"     // whether the probe is in its store
)

// Report is what [Run] has found. As JSON its form is stable: fields and names
// of checks may be added, and Version changes if anything else does.
type Report struct {
	// Version is 1.
	Version int `json:"version"`
	// Verdict is the worst of the checks.
	Verdict Verdict `json:"verdict"`
	// Service is the service.name that the probe was sent under.
	Service string `json:"service"`
	// TraceID is that of the probe's span and log record.
	TraceID string `json:"trace_id"`
	// Checks come in a fixed order of names.
	Checks []Check `json:"checks"`
}

// Check is one finding.
type Check struct {
	// Name is one of the constants above.
	Name string `json:"name"`
	// Subject tells checks of a name apart: a signal, a variable, a host. A
	// signal's is preceded by the destination's name if that has one.
	Subject string `json:"subject,omitempty"`
	// Verdict is what it came to.
	Verdict Verdict `json:"verdict"`
	// Found and Fix are a sentence each; Fix is empty when there is nothing to do.
	Found string `json:"found"`
	Fix   string `json:"fix,omitempty"`
	// Source is where the setting came from that the check is about: "default",
	// "environment OTEL_X" or "code OTEL_X".
	Source string `json:"source,omitempty"`
	// Detail is the text of the error behind a failure, without secrets.
	Detail string `json:"detail,omitempty"`
	// Seconds are those that each stage of a delivery took: resolve, connect, tls
	// and answer.
	Seconds map[exporters.Stage]float64 `json:"seconds,omitempty"`
}

// Err joins what has failed. It is nil after mere warnings.
func (r Report) Err() error {
	var failed []error
	for _, c := range r.Checks {
		if c.Verdict == Failed {
			failed = append(failed, fmt.Errorf("%s: %s: %s", c.title(), c.Found, c.Fix))
		}
	}
	return errors.Join(failed...)
}

func (c Check) title() string {
	if c.Subject == "" {
		return c.Name
	}
	return c.Name + " of " + c.Subject
}

func worst(checks []Check) Verdict {
	all := map[Verdict]bool{}
	for _, c := range checks {
		all[c.Verdict] = true
	}
	for _, v := range []Verdict{Failed, Warning, OK} {
		if all[v] {
			return v
		}
	}
	return Skipped
}
