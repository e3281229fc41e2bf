package otelmon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"sync/atomic"
	"time"

	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/otelmon/otelmon-go/exporters"
)

// delivery counts what one exporter sends.
type delivery struct {
	exporters.Delivery
	items   string // what it counts: "spans", …
	to      string // host and port
	refused error  // why nothing was tried any more
}

// losses tells what did not arrive. What was made but never came to the
// exporter was dropped by the queue between them.
func (d *delivery) losses(made *tally) error {
	var faults []error
	s := d.Snapshot()
	if s.Failed > 0 {
		cause := s.LastError
		if d.refused != nil {
			cause = d.refused
		}
		faults = append(faults, fmt.Errorf("%d %s not delivered to %s: %w", s.Failed, d.items, d.to, cause))
	}
	if made == nil {
		return errors.Join(faults...)
	}
	if dropped := made.Load() - s.Delivered - s.Failed; dropped > 0 {
		faults = append(faults, fmt.Errorf("%d %s dropped before they were sent: the queue was full or telemetry had ended", dropped, d.items))
	}
	return errors.Join(faults...)
}

// Delivery returns how many spans, data points of metrics and log records the
// exporters have delivered and failed to deliver since [Start], and the newest
// error, nil if there was none. What the console writes is not counted, nor what
// a full queue dropped. checkers.Delivery makes a health check of it.
func (m *Monitor) Delivery() (delivered, failed int64, last error) {
	var newest time.Time
	for _, p := range m.pipelines {
		for _, d := range p.sent {
			s := d.Snapshot()
			delivered += s.Delivered
			failed += s.Failed
			if s.LastTime.After(newest) {
				newest = s.LastTime
				last = fmt.Errorf("%s to %s: %w", d.items, d.to, s.LastError)
			}
		}
	}
	return delivered, failed, last
}

// lookForReceiver abandons a delivery on this machine that never succeeded,
// has given up before, and that nobody listens for: otherwise a program that
// runs without a collector would take its whole time to end.
func (d *delivery) lookForReceiver(ctx context.Context) {
	host, _, _ := net.SplitHostPort(d.to)
	ip := net.ParseIP(host)
	s := d.Snapshot()
	if s.Delivered > 0 || s.Failed == 0 || host != "localhost" && !ip.IsLoopback() {
		return
	}
	conn, err := (&net.Dialer{Timeout: 200 * time.Millisecond}).DialContext(ctx, "tcp", d.to)
	if err == nil {
		conn.Close()
		return
	}
	if !os.IsTimeout(err) {
		d.refused = err
		d.Abandon()
	}
}

// address is the host and port of a URL.
func address(endpoint string) string {
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" {
		return endpoint
	}
	if u.Port() != "" {
		return u.Host
	}
	port := "443"
	if u.Scheme == "http" {
		port = "80"
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// tally counts the spans or log records that are made, ahead of the queue.
type tally struct{ atomic.Int64 }

func (t *tally) OnStart(context.Context, sdktrace.ReadWriteSpan) {}

func (t *tally) OnEnd(s sdktrace.ReadOnlySpan) {
	if s.SpanContext().IsSampled() {
		t.Add(1)
	}
}

func (t *tally) OnEmit(context.Context, *sdklog.Record) error {
	t.Add(1)
	return nil
}

func (t *tally) Enabled(context.Context, sdklog.EnabledParameters) bool { return true }
func (t *tally) ForceFlush(context.Context) error                       { return nil }
func (t *tally) Shutdown(context.Context) error                         { return nil }
