package doctor

import (
	"cmp"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/otelmon/otelmon-go/exporters"
	"github.com/otelmon/otelmon-go/internal/settings"
)

// Options says what to look at. The zero value is this process and its
// environment.
type Options struct {
	// Environ is the environment as [os.Environ] gives it, which is the default.
	Environ []string
	// Set holds what the program gives in code, by the variable that it beats:
	// Config.Endpoint is OTEL_EXPORTER_OTLP_ENDPOINT. Default: nothing.
	Set map[string]string
	// Mirrors are further destinations, as in otelmon's Config. Default: none.
	Mirrors []exporters.Destination
	// Binary is the program whose OpenTelemetry modules are looked at. Default: the
	// one that runs.
	Binary string
	// Timeout is for each probe, unless the setting of the endpoint is shorter. 0
	// means 10 s.
	Timeout time.Duration

	// Jaeger, Prometheus and Loki are the base URLs of the stores that are asked for
	// the probe, such as http://127.0.0.1:16686. Off leaves one out. Empty means
	// where `docker compose` publishes it, if the endpoint is on this machine too.
	Jaeger, Prometheus, Loki string
	// Arrival is how long the stores are asked. 0 means 30 s.
	Arrival time.Duration
}

// Off is the URL of a store that is not to be asked.
const Off = "off"

// Run makes all checks. It returns when they are done, at the latest after
// Timeout and Arrival, or soon after ctx is. It changes nothing on this machine;
// receivers get one item of each signal, which says that it is a probe.
func Run(ctx context.Context, o Options) Report {
	p := newPatient(o)
	sent := p.deliver(ctx)
	var contained []Check
	if isContainer(os.DirFS("/"), p.getenv) {
		contained = localhost(sent)
	}
	checks := slices.Concat(
		p.settings(), p.service(), p.export(), p.sampler(), modules(o.Binary), p.outbox(ctx),
		deliveries(sent), contained, certificates(sent), clocks(sent),
		p.arrival(ctx, sent),
	)
	return Report{Version: 1, Verdict: worst(checks), Service: p.probe.Service, TraceID: p.probe.TraceID.String(), Checks: checks}
}

// patient is what the checks look at.
type patient struct {
	Options

	set    *settings.Set
	faults error
	shown  map[string]string // values fit to be printed, by variable
	probe  exporters.Probe
}

func newPatient(o Options) *patient {
	if o.Environ == nil {
		o.Environ = os.Environ()
	}
	o.Timeout, o.Arrival = cmp.Or(o.Timeout, 10*time.Second), cmp.Or(o.Arrival, 30*time.Second)
	var code []settings.Code
	for name, value := range o.Set {
		code = append(code, settings.Code{Name: name, Field: name, Value: value})
	}
	slices.SortFunc(code, func(a, b settings.Code) int { return cmp.Compare(a.Name, b.Name) })
	p := &patient{Options: o, shown: map[string]string{}}
	p.set, p.faults = settings.Resolve(o.Environ, code)
	for _, s := range p.set.All() {
		p.shown[s.Name] = s.Value
	}
	p.probe = exporters.NewProbe(cmp.Or(p.serviceName(), "unknown_service:"+filepath.Base(os.Args[0])))
	return p
}

func (p *patient) serviceName() string {
	return cmp.Or(p.set.String("OTEL_SERVICE_NAME"), p.set.Map("OTEL_RESOURCE_ATTRIBUTES")["service.name"])
}

func (p *patient) getenv(name string) string {
	for _, entry := range p.Environ {
		if value, ok := strings.CutPrefix(entry, name+"="); ok {
			return value
		}
	}
	return ""
}
