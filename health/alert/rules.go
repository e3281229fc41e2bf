package alert

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/otelmon/otelmon-go/health"
	"github.com/otelmon/otelmon-go/internal/keys"
)

const (
	minFor      = time.Minute
	maxFor      = time.Hour
	degradedFor = 10 * time.Minute
	absentFor   = 2 * time.Minute
)

// A rule is a Prometheus alert and what its unit tests need to know.
type rule struct {
	alert    string
	job      string
	check    string // empty: about the service
	severity string
	expr     string
	hold     time.Duration
	summary  string // a template
	subject  string // what the template makes of the test
	runbook  string

	fires, quiet []sample
}

// A sample is a series of a unit test, of one value throughout. Its labels are
// in PromQL.
type sample struct {
	metric, labels string
	value          float64
	once           bool // at the beginning only
}

// WriteRules writes a file of Prometheus alert rules about the checks of a
// service, those of [health.Registry.Checks]. job is the label job of its
// metrics, as Prometheus makes it of service.namespace and service.name: "name",
// or "namespace/name". The label instance has to tell its instances apart.
//
// For each check:
//   - HealthCheckUnhealthy, when at least three executions agree: those of Fall
//     have done so already, the rest takes as many of Interval, 1 min at least and
//     1 h at most
//   - HealthCheckDegraded, after 10 min or as many executions
//   - HealthCheckStale, when its last completion is older than its TTL or there
//     is none, after Grace and 2 min
//   - HealthCheckFlapping, after 1 min
//
// And for the service:
//   - HealthServiceUnhealthy, when most of several instances have a critical
//     check that is unhealthy, for 1 min
//   - HealthTelemetryAbsent, when nothing is heard of it any more, for 2 min after
//     Prometheus has forgotten the last series; it takes no living process
//
// The severity is critical for critical checks and all that these depend on,
// otherwise, and whenever a check is only degraded, warning. Checks count as long
// as they are not muted. Labels are those of what [Start] sends, if
// [Options.Labels] are Prometheus's external labels.
//
// The same checks give the same bytes. Errors are those of w, and that of a job
// that is not printable.
func WriteRules(w io.Writer, job string, checks []health.Check) error {
	rules, err := rulesOf(job, checks)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	b.WriteString("# Made from the health checks of the service. Make it anew when they change.\ngroups:\n")
	fmt.Fprintf(&b, "  - name: %s\n    rules:\n", quote("health of "+job))
	for _, r := range rules {
		fmt.Fprintf(&b, "      - alert: %s\n", r.alert)
		b.WriteString("        expr: |\n")
		for line := range strings.Lines(r.expr) {
			b.WriteString("          " + line)
		}
		fmt.Fprintf(&b, "        for: %s\n        labels:\n", inMinutes(r.hold))
		for _, label := range r.labels() {
			if label[0] != labelJob { // the expression gives it
				fmt.Fprintf(&b, "          %s: %s\n", label[0], quote(label[1]))
			}
		}
		b.WriteString("        annotations:\n")
		fmt.Fprintf(&b, "          summary: %s\n", quote(r.summary))
		if r.runbook != "" {
			fmt.Fprintf(&b, "          runbook_url: %s\n", quote(verbatim(r.runbook)))
		}
	}
	_, err = w.Write(b.Bytes())
	return err
}

// rulesOf returns the rules about the checks, by name, and the service.
func rulesOf(job string, checks []health.Check) ([]rule, error) {
	if err := validJob(job); err != nil {
		return nil, fmt.Errorf("alert: rules: job: %w", err)
	}
	checks = slices.Clone(checks)
	slices.SortFunc(checks, func(a, b health.Check) int { return strings.Compare(a.Name, b.Name) })
	severe := vital(checks)
	var rules []rule
	for _, c := range checks {
		s := subject{job: job, check: c, vital: severe[c.Name]}
		rules = append(rules, s.inState(unhealthy), s.inState(degraded), s.stale(), s.flapping())
	}
	if i := slices.IndexFunc(checks, func(c health.Check) bool { return c.Critical }); i >= 0 {
		rules = append(rules, majority(job, checks[i].Name))
	}
	return append(rules, absent(job)), nil
}

// labels returns name and value of each label of the alert.
func (r *rule) labels() [][2]string {
	all := [][2]string{{labelSeverity, r.severity}}
	if r.check != "" {
		all = append(all, [2]string{labelCheck, r.check})
	}
	return append(all, [2]string{labelJob, r.job})
}

// A subject is a check that rules are about.
type subject struct {
	job   string
	check health.Check
	vital bool
}

// rule fills in what all rules about a check share.
func (s subject) rule(k kind, hold time.Duration, expr string) rule {
	severity := k.severity(s.vital)
	text := k.summary(s.check.Name, s.job, severity)
	return rule{
		alert: string(k), job: s.job, check: s.check.Name, severity: severity, hold: whole(hold), expr: expr,
		summary: verbatim(text) + " (instances: {{ $value }})", subject: text + " (instances: 1)",
		runbook: s.check.Runbook,
	}
}

// inState is the rule about a check that is in the state named like k.
func (s subject) inState(k kind) rule {
	state := k.words()
	hold := s.confirmed()
	if k == degraded {
		hold = max(hold, degradedFor)
	}
	r := s.rule(k, hold, s.counted(s.series(keys.HealthCheckStatus, "health_check_state", state)))
	s.test(&r, func(instance string, value float64) []sample {
		return []sample{s.sample(keys.HealthCheckStatus, instance, value, "health_check_state", state)}
	}, 1, 0)
	return r
}

// confirmed is how long three executions take that agree, of which Fall have
// been before the state changed.
func (s subject) confirmed() time.Duration {
	return min(max(minFor, time.Duration(max(1, 3-s.check.Fall))*s.check.Interval), maxFor)
}

func (s subject) flapping() rule {
	r := s.rule(flapping, minFor, s.counted(s.series(keys.HealthCheckFlapping)))
	s.test(&r, func(instance string, value float64) []sample {
		return []sample{s.sample(keys.HealthCheckFlapping, instance, value)}
	}, 1, 0)
	return r
}

// stale asks for the age at the time of the sample, not now: an instance that is
// gone does not grow old. A hung check is unhealthy, which is another alert.
func (s subject) stale() rule {
	last := s.series(keys.HealthCheckLastCompletion)
	expr := fmt.Sprintf(`count by (job, health_check_name) (
  (
    timestamp(%s) - %s > %s
    or %s %s == 1
  )
  unless %s (
    %s == 1
    or %s %s == 1
  )
) > 0
`, last, last, seconds(s.check.TTL), onInstance, s.series(keys.HealthCheckStatus, "health_check_state", "unknown"),
		onInstance, s.series(keys.HealthCheckMuted),
		onInstance, s.series(keys.HealthCheckStatus, "health_check_state", "unhealthy"))
	r := s.rule(stale, 2*minFor+min(s.check.Grace, maxFor), expr)
	s.test(&r, func(instance string, age float64) []sample {
		return []sample{s.sample(keys.HealthCheckLastCompletion, instance, -age)} // time begins at 0
	}, s.check.TTL.Seconds()+1, -maxFor.Seconds()*24) // well: it never ages during the test
	in := func(instance, state string) sample {
		return s.sample(keys.HealthCheckStatus, instance, 1, "health_check_state", state)
	}
	completed := func(instance string) sample {
		return s.sample(keys.HealthCheckLastCompletion, instance, -s.check.TTL.Seconds()-1)
	}
	r.fires = append(r.fires, in("a", "unknown"), in("never", "unknown"), completed("old"))
	r.subject = strings.Replace(r.subject, "instances: 1", "instances: 3", 1)
	gone := s.sample(keys.HealthCheckLastCompletion, "gone", 0)
	gone.once = true
	r.quiet = append(r.quiet, in("hung", "unhealthy"), completed("hung"), gone)
	return r
}

// test makes the unit tests of a rule: it fires for one instance of two, and not
// for one that is well, one that is muted, and one of another service.
func (s subject) test(r *rule, series func(instance string, value float64) []sample, bad, good float64) {
	r.fires = slices.Concat(series("a", bad), series("b", good), []sample{s.sample(keys.HealthCheckMuted, "a", 0)})
	r.quiet = slices.Concat(series("a", good), series("b", bad), []sample{s.sample(keys.HealthCheckMuted, "b", 1)})
	foreign := series("a", bad)
	for i := range foreign {
		foreign[i].labels = strings.Replace(foreign[i].labels, label(labelJob, s.job), label(labelJob, s.job+"-other"), 1)
	}
	r.quiet = append(r.quiet, foreign...)
}

const onInstance = "on (job, instance, health_check_name)"

// counted counts the instances for which a series of 0 and 1 is 1 and the check
// is not muted.
func (s subject) counted(series string) string {
	return fmt.Sprintf(`sum by (job, health_check_name) (
  %s
    unless %s %s == 1
) > 0
`, series, onInstance, s.series(keys.HealthCheckMuted))
}

// series selects the check's series of a metric, further labels given in pairs.
func (s subject) series(metric string, more ...string) string {
	return promName(metric) + "{" + s.selector(more) + "}"
}

func (s subject) selector(more []string) string {
	matchers := []string{label(labelJob, s.job), label(labelCheck, s.check.Name)}
	for i := 0; i < len(more); i += 2 {
		matchers = append(matchers, label(more[i], more[i+1]))
	}
	return strings.Join(matchers, ",")
}

func (s subject) sample(metric, instance string, value float64, more ...string) sample {
	return sample{metric: promName(metric), labels: s.selector(append(more, "instance", instance)), value: value}
}

func label(name, value string) string { return name + "=" + strconv.Quote(value) }

// promName is what Prometheus calls a metric that comes over OTLP.
func promName(metric string) string {
	name := strings.ReplaceAll(metric, ".", "_")
	if strings.HasSuffix(name, "_timestamp") {
		name += "_seconds"
	}
	return name
}

// whole rounds up to minutes, finer than which nobody evaluates unit tests.
func whole(d time.Duration) time.Duration { return (d + time.Minute - 1).Truncate(time.Minute) }

func inMinutes(d time.Duration) string { return strconv.Itoa(int(d/time.Minute)) + "m" }

func seconds(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', -1, 64) }

// quote writes a string for YAML, of which JSON's strings are a part.
func quote(text string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(text) // a string always can
	return strings.TrimSuffix(b.String(), "\n")
}

// verbatim keeps Prometheus from reading text as a template.
func verbatim(text string) string { return strings.ReplaceAll(text, "{{", `{{ "{{" }}`) }
