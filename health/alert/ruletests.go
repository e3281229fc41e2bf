package alert

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/otelmon/otelmon-go/health"
	"github.com/otelmon/otelmon-go/internal/keys"
)

// WriteRuleTests writes unit tests of what [WriteRules] writes for the same job
// and checks, for `promtool test rules`. rulesFile is the file with the rules, as
// seen from the one with the tests.
//
// Each rule is tested to fire when it should and not a minute earlier, and not to
// fire for what is well, muted, or another service's. The tests are worth
// keeping when the rules are changed by hand.
func WriteRuleTests(w io.Writer, job string, checks []health.Check, rulesFile string) error {
	rules, err := rulesOf(job, checks)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "# Made with the rules.\nrule_files: [%s]\nevaluation_interval: 1m\ntests:\n", quote(rulesFile))
	for i := range rules {
		rules[i].writeTests(&b)
	}
	_, err = w.Write(b.Bytes())
	return err
}

// writeTests writes one test in which the rule fires and one in which it
// doesn't.
func (r *rule) writeTests(b *bytes.Buffer) {
	name := strings.TrimSpace(r.alert + " " + r.check)
	r.writeSeries(b, name+" fires", r.fires)
	r.expect(b, r.hold-time.Minute, false)
	r.expect(b, r.hold, true)
	r.writeSeries(b, name+" does not fire", r.quiet)
	r.expect(b, r.hold+time.Minute, false)
}

func (r *rule) writeSeries(b *bytes.Buffer, name string, series []sample) {
	fmt.Fprintf(b, "  - name: %s\n    interval: 1m\n    input_series:\n", quote(name))
	for _, s := range series {
		repeats := int(r.hold/time.Minute) + 2
		if s.once {
			repeats = 0
		}
		fmt.Fprintf(b, "      - series: %s\n        values: %s\n", quote(s.metric+"{"+s.labels+"}"),
			quote(fmt.Sprintf("%sx%d", strconv.FormatFloat(s.value, 'f', -1, 64), repeats)))
	}
	b.WriteString("    alert_rule_test:\n")
}

func (r *rule) expect(b *bytes.Buffer, at time.Duration, fires bool) { //nolint:revive // flag-parameter: the expectation
	fmt.Fprintf(b, "      - eval_time: %s\n        alertname: %s\n", inMinutes(at), r.alert)
	if !fires {
		b.WriteString("        exp_alerts: []\n")
		return
	}
	b.WriteString("        exp_alerts:\n          - exp_labels:\n")
	for _, l := range r.labels() {
		fmt.Fprintf(b, "              %s: %s\n", l[0], quote(l[1]))
	}
	fmt.Fprintf(b, "            exp_annotations:\n              summary: %s\n", quote(r.subject))
	if r.runbook != "" {
		fmt.Fprintf(b, "              runbook_url: %s\n", quote(r.runbook))
	}
}

// majority is the rule about most of several instances. Each one counts once,
// however many of its checks have failed.
func majority(job, check string) rule {
	instances := fmt.Sprintf(`count by (job) (%s{%s})`, promName(keys.HealthStatus), label(labelJob, job)+","+label("health_state", "healthy"))
	failed := fmt.Sprintf(`%s{%s,%s,%s}`, promName(keys.HealthCheckStatus),
		label(labelJob, job), label("health_check_critical", "true"), label("health_check_state", "unhealthy"))
	text := "most instances of " + job + " are unhealthy"
	r := rule{
		alert: "HealthServiceUnhealthy", job: job, severity: critical, hold: minFor,
		expr: fmt.Sprintf(`count by (job) (
  max by (job, instance) (
    %s
      unless %s %s{%s} == 1
  ) == 1
) / on (job) %s > 0.5
and on (job) %s > 1
`, failed, onInstance, promName(keys.HealthCheckMuted), label(labelJob, job), instances, instances),
		summary: verbatim(text), subject: text,
	}
	s := subject{job: job, check: health.Check{Name: check}}
	instance := func(name string, unhealthy float64) []sample {
		return []sample{
			{metric: promName(keys.HealthStatus), labels: strings.Join([]string{label(labelJob, job), label("health_state", "healthy"), label("instance", name)}, ","), value: 1 - unhealthy},
			s.sample(keys.HealthCheckStatus, name, unhealthy, "health_check_critical", "true", "health_check_state", "unhealthy"),
		}
	}
	for _, name := range []string{"a", "b", "c"} {
		r.fires = append(r.fires, instance(name, oneIf(name != "c"))...)
		r.quiet = append(r.quiet, instance(name, oneIf(name != "c"))...)
	}
	r.quiet = append(r.quiet, s.sample(keys.HealthCheckMuted, "b", 1))
	return r
}

func oneIf(holds bool) float64 { //nolint:revive // flag-parameter: it is the value
	if holds {
		return 1
	}
	return 0
}

// absent is the rule that notices a dead process.
func absent(job string) rule {
	metric := promName(keys.HealthStatus)
	text := "nothing is heard of the health of " + job
	present := func(job string) sample {
		return sample{metric: metric, labels: label(labelJob, job) + "," + label("health_state", "healthy"), value: 1}
	}
	return rule{
		alert: "HealthTelemetryAbsent", job: job, severity: critical, hold: absentFor,
		expr:    fmt.Sprintf("absent(%s{%s})\n", metric, label(labelJob, job)),
		summary: verbatim(text), subject: text,
		fires: []sample{present(job + "-other")},
		quiet: []sample{present(job)},
	}
}
