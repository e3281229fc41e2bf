package alert

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/otelmon/otelmon-go/health"
)

// A decider turns reports into alerts. It knows no receivers and has no clock
// but the reports'.
type decider struct {
	job    string
	labels map[string]string
	hold   time.Duration
	resend time.Duration
	tracks map[string]*track // by check; only of those with something wrong
}

// A track is what has been decided about a check.
type track struct {
	firing signal
	alert  Alert     // as of the last report that was not muted; zero unless firing
	began  time.Time // when what is wrong now and not told yet was first seen
}

// A signal is what makes an alert another one.
type signal struct {
	kind     kind // empty: nothing is wrong
	severity string
}

// reading is what a result means for an alert.
type reading uint8

const (
	sound     reading = iota // ends it
	wrong                    // starts it, or goes on
	undecided                // changes nothing
)

// decide returns the alerts that fire and those that have just ended, and when
// to ask again even if nothing changes; zero: never.
func (d *decider) decide(report health.Report, checks []health.Check) (alerts []Alert, again time.Time) {
	known := make(map[string]health.Check, len(checks))
	for _, c := range checks {
		known[c.Name] = c
	}
	severe, dependants := vital(checks), make(map[string][]string)
	present := make(map[string]bool, len(report.Results))
	for i := range report.Results {
		r := &report.Results[i]
		present[r.Name] = true
		if r.SuppressedBy != "" {
			dependants[r.SuppressedBy] = append(dependants[r.SuppressedBy], r.Name)
		}
	}
	for i := range report.Results {
		r := &report.Results[i]
		c := known[r.Name]
		k, meaning, until := read(r, &c, report.Time)
		again = earlier(again, until)
		switch meaning {
		case sound:
			alerts = d.end(alerts, r.Name, report.Time)
		case undecided:
			d.mute(r.Name)
		case wrong:
			want := signal{k, k.severity(severe[r.Name])}
			alerts = d.wrong(alerts, r, want, &c, dependants[r.Name], report.Time)
			if t := d.tracks[r.Name]; !t.began.IsZero() {
				again = earlier(again, t.began.Add(d.hold))
			}
		}
	}
	for name := range d.tracks {
		if !present[name] {
			alerts = d.end(alerts, name, report.Time)
		}
	}
	for _, t := range d.tracks {
		if t.firing != (signal{}) {
			alerts = append(alerts, t.alert)
			t.alert.fresh = false
		}
	}
	slices.SortFunc(alerts, func(a, b Alert) int { return cmp.Compare(a.Labels[labelCheck], b.Labels[labelCheck]) })
	return alerts, again
}

// read says what a result means, and until when if that changes by itself. A
// check that still has no result when the first one would have expired is as
// good as stale: nothing runs it.
func read(r *health.Result, c *health.Check, now time.Time) (k kind, meaning reading, until time.Time) {
	switch {
	case r.Flapping:
		k = flapping
	case r.State == health.StateHealthy:
		return "", sound, time.Time{}
	case r.State == health.StateUnhealthy:
		k = unhealthy
	case r.State == health.StateDegraded:
		k = degraded
	case r.Reason == health.ReasonStale:
		k = stale
	case r.Reason == health.ReasonPending && c.TTL > 0:
		if until = r.Since.Add(c.Grace + c.TTL); now.Before(until) {
			return "", undecided, until
		}
		k = stale
	default:
		return "", undecided, time.Time{}
	}
	if r.Muted() {
		return k, undecided, time.Time{}
	}
	return k, wrong, time.Time{}
}

// end resolves the check's alert if there is one.
func (d *decider) end(alerts []Alert, name string, now time.Time) []Alert {
	t := d.tracks[name]
	if t == nil {
		return alerts
	}
	delete(d.tracks, name)
	if t.firing == (signal{}) {
		return alerts
	}
	return append(alerts, resolved(t.alert, now))
}

func resolved(a Alert, now time.Time) Alert {
	a.Resolved, a.EndsAt, a.fresh = true, now, true
	return a
}

// mute leaves an alert as it is: it is neither new nor over.
func (d *decider) mute(name string) {
	t := d.tracks[name]
	if t == nil {
		return
	}
	if t.firing == (signal{}) {
		delete(d.tracks, name)
		return
	}
	t.began, t.alert.quiet = time.Time{}, true
}

// wrong follows up on a check that is not muted. The hold counts from when
// something else was wrong than has been told; what it was may change meanwhile,
// or a check that can't decide would never be told of.
func (d *decider) wrong(alerts []Alert, r *health.Result, want signal, c *health.Check, dependants []string, now time.Time) []Alert {
	t := d.tracks[r.Name]
	if t == nil {
		t = new(track)
		d.tracks[r.Name] = t
	}
	if want == t.firing {
		t.began, t.alert.quiet = time.Time{}, false
		t.alert.Annotations = annotate(r, want.kind, d.job, want.severity, dependants)
		return alerts
	}
	if t.began.IsZero() {
		t.began = now
	}
	if now.Before(t.began.Add(d.hold)) {
		return alerts
	}
	if t.firing != (signal{}) {
		alerts = append(alerts, resolved(t.alert, now))
	}
	starts := r.Since
	if want.kind == flapping { // whose state is never old
		starts = t.began
	}
	t.firing, t.began = want, time.Time{}
	t.alert = Alert{
		Labels:      d.label(r.Name, want),
		Annotations: annotate(r, want.kind, d.job, want.severity, dependants),
		StartsAt:    starts,
		lease:       4 * max(d.resend, c.Interval), // outlives two sends that fail, as Prometheus has it
		fresh:       true,
	}
	return alerts
}

func (d *decider) label(check string, s signal) map[string]string {
	labels := map[string]string{
		labelName: string(s.kind), labelJob: d.job, labelCheck: check, labelSeverity: s.severity,
	}
	maps.Copy(labels, d.labels)
	return labels
}

// earlier returns the first of two times that is not zero.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
