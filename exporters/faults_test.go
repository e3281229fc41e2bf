package exporters_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/otelmon/otelmon-go/exporters"
	"github.com/otelmon/otelmon-go/internal/oteltest"
)

var everySignal = []exporters.Signal{exporters.Traces, exporters.Metrics, exporters.Logs}

// items makes one item of each signal for every number from the first up to the
// last, which is its name, padded with text that does not get smaller.
func (s *source) items(from, to, padding int) {
	tracer, logger := s.tracers.Tracer("test"), s.loggers.Logger("test")
	points := metricdata.Gauge[int64]{}
	for i := from; i < to; i++ {
		name := strconv.Itoa(i)
		if padding > 0 {
			name += strings.Repeat(" "+noise(i), padding)
		}
		_, span := tracer.Start(context.Background(), name)
		span.End()
		emit(logger, name)
		points.DataPoints = append(points.DataPoints, metricdata.DataPoint[int64]{Attributes: attribute.NewSet(attribute.String("name", name))})
	}
	_ = s.box.MetricExporter().Export(context.Background(), &metricdata.ResourceMetrics{
		ScopeMetrics: []metricdata.ScopeMetrics{{Metrics: []metricdata.Metrics{{Name: "gauge", Data: points}}}},
	})
}

// received is the numbers that arrived, and how often.
func received(s exporters.Signal, rs ...*oteltest.Receiver) map[string]int {
	all := map[string]int{}
	add := func(name string) { name, _, _ = strings.Cut(name, " "); all[name]++ }
	for _, r := range rs {
		switch s {
		case exporters.Traces:
			for _, span := range r.Spans() {
				add(span.GetName())
			}
		case exporters.Metrics:
			for _, m := range r.Metrics() {
				for _, p := range m.GetGauge().GetDataPoints() {
					add(text(p.GetAttributes(), "name"))
				}
			}
		case exporters.Logs:
			for _, l := range r.Logs() {
				add(l.GetBody().GetStringValue())
			}
		}
	}
	return all
}

// balance checks the books of items 0 up to made against what arrived: nothing
// else did, and what is missing is what the account says is lost or waits. It
// returns how many came again.
func (s *source) balance(t *testing.T, made int, rs ...*oteltest.Receiver) (again int) {
	t.Helper()
	for _, signal := range everySignal {
		got := received(signal, rs...)
		for name, n := range got {
			if i, err := strconv.Atoi(name); err != nil || i < 0 || i >= made {
				t.Errorf("%s: %q was never made", signal, name)
			}
			again += n - 1
		}
		a := account(t, s.box, signal)
		if a.Created != int64(made) || a.Delivered != int64(len(got)) {
			t.Errorf("%s: %d made, %d arrived", a, made, len(got))
		}
	}
	return again
}

// fault answers connections badly at both addresses until it is ended.
func fault(t *testing.T, at oteltest.Options, answer func(net.Conn)) (end func()) {
	t.Helper()
	var ends []func()
	for _, addr := range []string{at.HTTPAddr, at.GRPCAddr} {
		l, err := net.Listen("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			var held []net.Conn
			for {
				conn, err := l.Accept()
				if err != nil {
					break
				}
				answer(conn)
				held = append(held, conn)
			}
			for _, conn := range held {
				_ = conn.Close()
			}
		}()
		ends = append(ends, func() { _ = l.Close(); <-done })
	}
	return func() {
		for _, end := range ends {
			end()
		}
	}
}

// Whatever way a backend is away in, nothing is lost once it is back.
func TestEveryKindOfOutage(t *testing.T) {
	t.Parallel()
	right, wrong := authority(t), authority(t)
	for name, c := range map[string]struct {
		answer func(net.Conn)
		tls    bool
	}{
		"refused": {},
		"reset": {answer: func(c net.Conn) {
			_ = c.(*net.TCPConn).SetLinger(0)
			_ = c.Close()
		}},
		"hung up": {answer: func(c net.Conn) {
			_, _ = io.ReadFull(c, make([]byte, 10))
			_ = c.Close()
		}},
		"gibberish":  {answer: func(c net.Conn) { _, _ = io.WriteString(c, "220 mail.example.com ESMTP\r\n\r\n"); _ = c.Close() }},
		"black hole": {answer: func(net.Conn) {}},
		"wrong certificate": {tls: true, answer: func(c net.Conn) {
			server := tls.Server(c, wrong.Server())
			_ = server.Handshake()
			_ = server.Close()
		}},
	} {
		for _, protocol := range []string{exporters.ProtocolHTTP, exporters.ProtocolGRPC} {
			for _, dir := range []string{"", "spool"} {
				t.Run(fmt.Sprint(name, " ", protocol, " ", dir), func(t *testing.T) {
					t.Parallel()
					at := listening(t)
					e := exporters.Endpoint{URL: "http://" + at.HTTPAddr, Protocol: protocol, Timeout: 200 * time.Millisecond}
					if protocol == exporters.ProtocolGRPC {
						e.URL = "http://" + at.GRPCAddr
					}
					if c.tls {
						e.URL, e.CertificateFile = strings.Replace(e.URL, "http:", "https:", 1), right.CAFile
					}
					end := func() {}
					if c.answer != nil {
						end = fault(t, at, c.answer)
					}
					o := to(e)
					if dir != "" {
						o.Dir = filepath.Join(t.TempDir(), dir)
					}
					s := newSource(t, o)
					s.items(0, 50, 0)
					if err := s.box.Flush(t.Context()); err == nil {
						t.Error("flush in the outage says nothing")
					}
					s.items(50, 100, 0)
					end()
					if c.tls {
						at.TLS = right.Server()
					}
					r := start(t, at)
					if err := s.box.Flush(t.Context()); err != nil { // an attempt may have begun before the end
						_ = s.box.Flush(t.Context())
					}
					if err := s.close(t.Context()); err != nil {
						t.Error(err)
					}
					s.balance(t, 100, r)
					for _, signal := range everySignal {
						if a := account(t, s.box, signal); a.Delivered != 100 {
							t.Errorf("%s", a)
						}
					}
				})
			}
		}
	}
}

// A name that nobody knows keeps everything; whoever puts the name right finds
// it all in the directory.
func TestUnknownHost(t *testing.T) {
	t.Parallel()
	// A label of 64 bytes is never asked for.
	o := to(exporters.Endpoint{URL: "http://" + strings.Repeat("x", 64) + ".test:4318"})
	o.Dir = filepath.Join(t.TempDir(), "spool")
	s := newSource(t, o)
	s.items(0, 50, 0)
	if err := s.box.Flush(t.Context()); err == nil || !strings.Contains(err.Error(), "no such host") {
		t.Errorf("flush: %v", err)
	}
	if err := s.close(t.Context()); err != nil {
		t.Errorf("nothing is lost, but %v", err)
	}
	s.balance(t, 50)

	r := start(t, oteltest.Options{})
	o.Destinations = to(exporters.Endpoint{URL: r.HTTPURL()}).Destinations
	s = newSource(t, o)
	if err := s.close(t.Context()); err != nil {
		t.Error(err)
	}
	s.balance(t, 50, r)
}
