package e2e

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/collector/otelcol"

	"github.com/otelmon/otelmon-go/internal/loopback"
)

// collectorRole is a Collector with the configuration and the endpoints of its
// environment.
func collectorRole(ctx context.Context) error {
	s := settings(newArrivals())
	var configs []string // later ones are merged into those before
	for file := range strings.SplitSeq(os.Getenv("COLLECTOR_CONFIG"), ",") {
		configs = append(configs, "file:"+file)
	}
	s.ConfigProviderSettings.ResolverSettings.URIs = configs
	col, err := otelcol.NewCollector(s)
	if err != nil {
		return err
	}
	// Not by its context, which would have processors forget what they hold.
	defer context.AfterFunc(ctx, col.Shutdown)()
	return col.Run(context.WithoutCancel(ctx))
}

// mortal is a Collector that goes away and comes back: a process of its own.
type mortal struct {
	collector *process // nil while it is away
	env       []string
	health    string
	endpoints map[string]string // by protocol
}

// newMortal is a Collector that does not run yet.
func newMortal(t *testing.T, config string, to stores) *mortal {
	t.Helper()
	onGRPC, onHTTP, health := loopback.Addr(t), loopback.Addr(t), loopback.Addr(t)
	return &mortal{
		health:    health,
		endpoints: map[string]string{"grpc": "http://" + onGRPC, "http/protobuf": "http://" + onHTTP},
		env: []string{
			"COLLECTOR_CONFIG=" + config, "STORAGE_DIRECTORY=" + t.TempDir(),
			"OTLP_GRPC_ENDPOINT=" + onGRPC, "OTLP_HTTP_ENDPOINT=" + onHTTP, "HEALTH_ENDPOINT=" + health,
			"JAEGER_OTLP_ENDPOINT=" + to.traces, "PROMETHEUS_OTLP_ENDPOINT=" + to.metrics, "LOKI_OTLP_ENDPOINT=" + to.logs,
		},
	}
}

// up returns when the Collector works. While it was away somebody may have got
// one of its ports for a moment.
func (m *mortal) up(t *testing.T) {
	t.Helper()
	revive(t, &m.collector, "http://"+m.health, func() *process { return actor(t, "collector", m.env...) })
}

func (m *mortal) down(t *testing.T) {
	t.Helper()
	m.collector.kill(t)
	m.collector = nil
}

// revive starts a process until it answers 200 at the address.
func revive(t *testing.T, p **process, at string, start func() *process) {
	t.Helper()
	var never chan error
	await(t, time.Minute, never, func(ctx context.Context) error {
		if *p == nil {
			*p = start()
		}
		select {
		case <-(*p).ended:
			err := errors.New((*p).output.String())
			*p = nil
			return err
		default:
		}
		status, _, err := get(ctx, at)
		if err == nil && status != http.StatusOK {
			err = fmt.Errorf("%d", status)
		}
		return err
	})
}
