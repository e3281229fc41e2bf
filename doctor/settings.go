package doctor

import (
	"fmt"
	"strings"

	"github.com/otelmon/otelmon-go/internal/endpoint"
	"github.com/otelmon/otelmon-go/internal/settings"
)

// settings tells every fault and every variable without effect.
func (p *patient) settings() []Check {
	var checks []Check
	for _, err := range parts(p.faults) {
		checks = append(checks, sentences(Check{Name: CheckSettings, Verdict: Failed}, err.Error()))
	}
	for _, fault := range endpoint.Faults(p.set) {
		checks = append(checks, sentences(Check{
			Name: CheckSettings, Subject: variableIn(fault.Source, fault.Variable), Verdict: Failed, Source: fault.Source,
		}, fault.Err.Error()))
	}
	for _, err := range append(p.set.Warnings(), settings.Lookalikes(p.Environ)...) {
		checks = append(checks, sentences(Check{Name: CheckSettings, Verdict: Warning}, err.Error()))
	}
	if len(checks) == 0 {
		checks = append(checks, Check{Name: CheckSettings, Verdict: OK, Found: "Every OTEL_ and OTELMON_ variable is known and has a value that makes sense."})
	}
	return checks
}

// variableIn is the variable that was really set, which may be the general one.
func variableIn(source, variable string) string {
	if _, name, ok := strings.Cut(source, " "); ok {
		return name
	}
	return variable
}

// sentences takes a message apart into what is wrong and what to do, which the
// messages of this module separate by a semicolon.
func sentences(c Check, text string) Check {
	found, fix, _ := strings.Cut(text, "; ")
	c.Found, c.Fix = sentence(found), sentence(fix)
	return c
}

func sentence(text string) string {
	if text == "" {
		return ""
	}
	if first := text[0]; first >= 'a' && first <= 'z' {
		text = strings.ToUpper(text[:1]) + text[1:]
	}
	if !strings.ContainsAny(text[len(text)-1:], ".?!…") {
		text += "."
	}
	return text
}

// parts takes joined errors apart.
func parts(err error) []error {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	return []error{err}
}

func (p *patient) service() []Check {
	c := Check{Name: CheckService, Verdict: OK, Found: fmt.Sprintf("The service is called %q.", p.probe.Service), Source: p.set.Source("OTEL_SERVICE_NAME")}
	switch {
	case p.set.String("OTEL_SERVICE_NAME") != "":
	case p.serviceName() != "":
		c.Source = p.set.Source("OTEL_RESOURCE_ATTRIBUTES")
	default:
		c.Verdict, c.Found = Warning, fmt.Sprintf("No service name is set, so this probe is called %q.", p.probe.Service)
		c.Fix = "Set OTEL_SERVICE_NAME, unless the program sets Config.Service, which cannot be seen from outside."
	}
	return []Check{c}
}

// export looks whether anything leaves the process.
func (p *patient) export() []Check {
	var checks []Check
	if p.set.Bool("OTEL_SDK_DISABLED") {
		checks = append(checks, Check{
			Name: CheckExport, Verdict: Warning, Source: p.set.Source("OTEL_SDK_DISABLED"),
			Found: "OpenTelemetry is switched off: the program records nothing.", Fix: "Remove OTEL_SDK_DISABLED.",
		})
	}
	for _, signal := range settings.Signals() {
		name := "OTEL_" + string(signal) + "_EXPORTER"
		to := p.set.Exporters(signal)
		c := Check{
			Name: CheckExport, Subject: strings.ToLower(string(signal)), Verdict: OK, Source: p.set.Source(name),
			Found: fmt.Sprintf("Exported by %s.", strings.Join(to, " and ")),
		}
		if endpoint.Of(p.set, signal) == nil && len(to) > 0 {
			c.Verdict, c.Found = Warning, fmt.Sprintf("Exported by %s alone, so no OTLP backend gets any.", strings.Join(to, " and "))
			c.Fix = fmt.Sprintf("Set %s=otlp if that is not what is wanted.", name)
		}
		if len(to) == 0 {
			c.Verdict, c.Found = Warning, "Exported nowhere."
			c.Fix = fmt.Sprintf("Remove %s=none or write otlp, if that is not what is wanted.", name)
		}
		checks = append(checks, c)
	}
	return checks
}

// sampler finds samplers that leave nothing, or nearly, to be seen.
func (p *patient) sampler() []Check {
	const few = 0.001 // one of a thousand
	const name, arg = "OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG"
	sampler, ratio := p.set.String(name), p.set.Float(arg)
	c := Check{Name: CheckSampler, Verdict: OK, Found: fmt.Sprintf("Traces are sampled by %s.", sampler), Source: p.set.Source(name)}
	off := strings.HasSuffix(sampler, "always_off")
	switch byRatio := strings.HasSuffix(sampler, "traceidratio"); {
	case off || byRatio && ratio == 0:
		c.Verdict, c.Found = Warning, fmt.Sprintf("The sampler %s keeps no trace that begins here; the probe goes past it.", sampler)
		c.Fix = "Remove OTEL_TRACES_SAMPLER to keep all, or set parentbased_traceidratio and a ratio above 0."
	case byRatio && ratio < few:
		c.Verdict, c.Found = Warning, fmt.Sprintf("The sampler %s keeps only %g of all traces; on a quiet service none may ever be seen.", sampler, ratio)
		c.Fix = "Set OTEL_TRACES_SAMPLER_ARG to more, such as 0.1, or remove both to keep all."
	case byRatio:
		c.Found = fmt.Sprintf("The sampler %s keeps %g of all traces.", sampler, ratio)
	}
	if !off && p.set.Source(arg) != "default" && strings.HasSuffix(sampler, "traceidratio") {
		c.Source = p.set.Source(arg)
	}
	return []Check{c}
}
