package doctor

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/otelmon/otelmon-go/exporters"
	"github.com/otelmon/otelmon-go/internal/endpoint"
	"github.com/otelmon/otelmon-go/internal/settings"
)

// delivery is a probe on its way to one endpoint.
type delivery struct {
	signal  exporters.Signal
	subject string
	source  string
	shown   string // the URL, fit to be printed
	e       exporters.Endpoint
	mirror  bool
	result  exporters.ProbeResult
}

func (d delivery) url() *url.URL {
	raw := d.e.URL
	if !strings.Contains(raw, "://") {
		raw = "http://" + raw
	}
	u, err := url.Parse(raw)
	if err != nil {
		return &url.URL{}
	}
	return u
}

func (d delivery) host() string { return d.url().Host }

func (d delivery) onLoopback() bool {
	host := d.url().Hostname()
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// deliver sends to all destinations at once.
func (p *patient) deliver(ctx context.Context) []delivery {
	var all []delivery
	for i, signal := range settings.Signals() {
		if e := endpoint.Of(p.set, signal); e != nil {
			name := endpoint.Variable("URL", signal)
			all = append(all, delivery{
				signal: exporters.Signal(i), subject: exporters.Signal(i).String(), source: p.set.Source(name), shown: p.shown[name], e: *e,
			})
		}
	}
	for _, mirror := range p.Mirrors {
		for i, e := range []*exporters.Endpoint{mirror.Traces, mirror.Metrics, mirror.Logs} {
			if e != nil {
				d := delivery{
					signal: exporters.Signal(i), subject: strings.TrimSpace(mirror.Name + " " + exporters.Signal(i).String()),
					source: "code Options.Mirrors", e: *e, mirror: true,
				}
				d.shown = d.url().Scheme + "://" + d.host()
				all = append(all, d)
			}
		}
	}
	var probes sync.WaitGroup
	for i := range all {
		probes.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, p.Timeout)
			defer cancel()
			all[i].result = p.probe.Send(ctx, all[i].e, all[i].signal)
		})
	}
	probes.Wait()
	return all
}

func deliveries(sent []delivery) []Check {
	var checks []Check
	for _, d := range sent {
		checks = append(checks, d.check())
	}
	if len(checks) == 0 {
		checks = append(checks, Check{Name: CheckDelivery, Verdict: Skipped, Found: "Nothing is sent by OTLP, so nothing was tried."})
	}
	return checks
}

func (d delivery) check() Check {
	r := d.result
	c := Check{Name: CheckDelivery, Subject: d.subject, Source: d.source, Seconds: map[exporters.Stage]float64{}}
	for stage, took := range r.Took {
		c.Seconds[stage] = took.Seconds()
	}
	to := fmt.Sprintf("%s (%s)", d.shown, cmp.Or(d.e.Protocol, exporters.ProtocolHTTP))
	if r.Proxy {
		to += " behind the proxy of the environment"
	}
	if r.Err != nil {
		c.Detail = r.Err.Error()
	}
	switch {
	case r.Taken && r.Err == nil:
		c.Verdict, c.Found = OK, fmt.Sprintf("%s took the probe within %s.", to, r.Took[exporters.StageAnswer].Round(time.Millisecond))
	case r.Taken:
		c.Verdict, c.Found = Warning, fmt.Sprintf("%s took the probe, but says: %s", to, sentence(c.Detail))
		c.Fix = "Read what the backend says; the data may be changed or dropped later."
	case r.Stage == exporters.StageEndpoint && !d.mirror:
		c.Verdict, c.Found, c.Detail = Skipped, "Not tried, since the endpoint's settings are wrong.", ""
	default:
		c.Verdict = Failed
		meaning := cmp.Or(exporters.Explain(r.Err), c.Detail)
		c = sentences(c, meaning)
		c.Found = to + ": " + c.Found
		c.Fix = cmp.Or(c.Fix, "Read the detail and the receiver's own log.")
	}
	return c
}

// certificates warns before a receiver's ends.
func certificates(sent []delivery) []Check {
	const soon = 14 * 24 * time.Hour
	var checks []Check
	told := map[string]bool{}
	for _, d := range sent {
		if d.result.Expires.IsZero() || told[d.host()] {
			continue
		}
		told[d.host()] = true
		left := time.Until(d.result.Expires)
		c := Check{
			Name: CheckCertificate, Subject: d.host(), Verdict: OK,
			Found: fmt.Sprintf("The receiver's certificate is trusted and ends on %s.", d.result.Expires.UTC().Format(time.DateOnly)),
		}
		if left < soon {
			c.Verdict = Warning
			c.Found = fmt.Sprintf("The receiver's certificate ends in %s, on %s.", lasting(left), d.result.Expires.UTC().Format(time.DateOnly))
			c.Fix = "Have it renewed; afterwards nothing is delivered any more."
		}
		checks = append(checks, c)
	}
	return checks
}

// clocks compares this machine's with the receivers'.
func clocks(sent []delivery) []Check {
	const much = 5 * time.Second
	var checks []Check
	told := map[string]bool{}
	for _, d := range sent {
		if !d.result.Dated || told[d.host()] {
			continue
		}
		told[d.host()] = true
		c := Check{Name: CheckClock, Subject: d.host(), Verdict: OK, Found: "This machine's clock agrees with the receiver's."}
		if off := d.result.Ahead; off.Abs() >= much {
			way := "ahead of"
			if off < 0 {
				way = "behind"
			}
			c.Verdict = Warning
			c.Found = fmt.Sprintf("This machine's clock is %s %s the receiver's.", lasting(off.Abs()), way)
			c.Fix = "Synchronise both (chrony, systemd-timesyncd); backends drop what lies too far off, and spans come out of order."
		}
		checks = append(checks, c)
	}
	return checks
}

func lasting(d time.Duration) string {
	if days := int(d / (24 * time.Hour)); days > 1 {
		return fmt.Sprintf("%d days", days)
	}
	return d.Round(time.Second).String()
}
