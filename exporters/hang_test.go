package exporters_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"

	"github.com/otelmon/otelmon-go/exporters"
	"github.com/otelmon/otelmon-go/exporters/spool"
	"github.com/otelmon/otelmon-go/internal/files/filestest"
	"github.com/otelmon/otelmon-go/internal/oteltest"
)

// A disk that never answers holds up neither flush nor close, which tells what
// may be lost. Nothing is, if it answers at last.
func TestDiskThatHangs(t *testing.T) {
	t.Parallel()
	for _, call := range []string{"write", "sync", "open", "read"} {
		t.Run(call, func(t *testing.T) {
			t.Parallel()
			at := listening(t)
			var disk filestest.Disk
			o := to(httpAt(at))
			o.Dir = filepath.Join(t.TempDir(), "spool")
			s := newSource(t, exporters.On(&disk, o))
			heal := make(chan struct{})
			hangs := filestest.Failing(call, context.Canceled)
			disk.Set(func(c, name string) error {
				if hangs(c, name) != nil {
					<-heal
				}
				return nil
			})
			for range 3 { // a collection of metrics would wait for the disk
				_, span := s.tracers.Tracer("test").Start(t.Context(), "0")
				span.End()
			}
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			_ = s.box.Flush(ctx)
			err := s.box.Close(ctx)
			if err == nil || !strings.Contains(err.Error(), "hangs") || !strings.Contains(err.Error(), "3 spans not delivered") {
				t.Errorf("close: %v", err)
			}
			if a := account(t, s.box, exporters.Traces); a.Pending != 3 {
				t.Errorf("%s", a)
			}
			close(heal)
			next := open(t, o)
			if a := account(t, next, exporters.Traces); a.Created != 3 || a.Pending != 3 {
				t.Errorf("after it: %s", a)
			}
			_ = next.Close(done())
		})
	}
}

// A disk that hangs while the program runs holds up nobody who asks how delivery
// stands, whichever of its calls it is.
func TestStatusWhileTheDiskHangs(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		call, file string
		delivered  int64
	}{
		"append":  {"write", ".seg", 0},
		"sync":    {"sync", ".seg", 0},
		"segment": {"open", ".seg", 0},
		"read":    {"read", ".seg", 0},
		"ack":     {"write", "cursor-default", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t, oteltest.Options{})
			var disk filestest.Disk
			o := to(exporters.Endpoint{URL: r.HTTPURL()})
			o.Dir, o.Sync = filepath.Join(t.TempDir(), "spool"), spool.SyncAlways
			s := newSource(t, exporters.On(&disk, o))
			reader := observed(t, s)
			hung, heal := make(chan struct{}, 100), make(chan struct{})
			disk.Set(func(call, file string) error {
				if call == c.call && strings.HasSuffix(file, c.file) {
					hung <- struct{}{}
					<-heal
				}
				return nil
			})
			_, span := s.tracers.Tracer("test").Start(t.Context(), "0")
			span.End()
			flushed := make(chan error, 1)
			go func() { flushed <- s.box.Flush(t.Context()) }()
			<-hung
			answered := make(chan struct{})
			go func() {
				defer close(answered)
				if a := account(t, s.box, exporters.Traces); a.Created != 1 || a.Delivered != c.delivered || a.Pending != 1-c.delivered {
					t.Errorf("%s", a)
				}
				if store := activeStore(t, reader); store != "disk" {
					t.Errorf("in %q", store)
				}
			}()
			select {
			case <-answered:
			case <-time.After(10 * time.Second):
				t.Error("who asks waits for the disk")
			}
			close(heal)
			<-answered
			if err := <-flushed; err != nil {
				t.Error(err)
			}
			if a := account(t, s.box, exporters.Traces); a.Created != 1 || a.Delivered != 1 || a.Bytes != 0 {
				t.Errorf("after it: %s", a)
			}
		})
	}
}

// An export of metrics ends with its context while the disk hangs. What it was about
// is counted: one collection waits for the disk, the next is lost.
func TestExportWhileTheDiskHangs(t *testing.T) {
	t.Parallel()
	r := start(t, oteltest.Options{})
	var disk filestest.Disk
	o := to(exporters.Endpoint{URL: r.HTTPURL()})
	o.Dir = filepath.Join(t.TempDir(), "spool")
	s := newSource(t, exporters.On(&disk, o))
	heal := make(chan struct{})
	disk.Set(func(call, file string) error {
		if call == "write" && strings.HasSuffix(file, ".seg") {
			<-heal
		}
		return nil
	})
	one := &metricdata.ResourceMetrics{Resource: resource.Empty(), ScopeMetrics: []metricdata.ScopeMetrics{{Metrics: []metricdata.Metrics{
		{Name: "n", Data: metricdata.Gauge[int64]{DataPoints: []metricdata.DataPoint[int64]{{Value: 1}}}},
	}}}}
	for _, want := range []struct{ created, pending, lost int64 }{{1, 1, 0}, {2, 1, 1}} {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		exported := make(chan error, 1)
		go func() { exported <- s.box.MetricExporter().Export(ctx, one) }()
		select {
		case err := <-exported:
			if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "hangs") {
				t.Errorf("export: %v", err)
			}
		case <-time.After(20 * time.Second):
			t.Error("an export waits for the disk")
		}
		cancel()
		a := account(t, s.box, exporters.Metrics)
		if a.Created != want.created || a.Pending != want.pending || a.Lost() != want.lost || a.Dropped["queue_full"] != want.lost {
			t.Errorf("%s", a)
		}
	}
	close(heal)
	if err := s.box.MetricExporter().Export(done(), one); err != nil {
		t.Errorf("after it: %v", err)
	}
	if err := s.box.Flush(t.Context()); err != nil {
		t.Error(err)
	}
	if a := account(t, s.box, exporters.Metrics); a.Created != 3 || a.Delivered != 2 || a.Pending != 0 {
		t.Errorf("after it: %s", a)
	}
}

// open opens an outbox when an earlier one has let go of the directory.
func open(t *testing.T, o exporters.Options) *exporters.Outbox {
	t.Helper()
	for {
		next, err := exporters.Open(t.Context(), o)
		if err == nil {
			return next
		}
		if !strings.Contains(err.Error(), "in use") {
			t.Fatal(err)
		}
		<-time.After(10 * time.Millisecond)
	}
}
