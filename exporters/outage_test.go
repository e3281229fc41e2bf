package exporters_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/otelmon/otelmon-go/exporters"
	"github.com/otelmon/otelmon-go/internal/oteltest"
)

// listening returns the addresses of a receiver that is not there yet.
func listening(t *testing.T) oteltest.Options {
	t.Helper()
	r, err := oteltest.Start(oteltest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	return r.Addrs()
}

func httpAt(o oteltest.Options) exporters.Endpoint {
	return exporters.Endpoint{URL: "http://" + o.HTTPAddr}
}

func TestNothingIsLostInAnOutage(t *testing.T) {
	t.Parallel()
	for _, protocol := range []string{"http", "grpc"} {
		for _, dir := range []string{"", "spool"} {
			t.Run(protocol+" "+dir, func(t *testing.T) {
				t.Parallel()
				at := listening(t)
				e := httpAt(at)
				if protocol == "grpc" {
					e = exporters.Endpoint{URL: "http://" + at.GRPCAddr, Protocol: exporters.ProtocolGRPC}
				}
				o := to(e)
				if dir != "" {
					o.Dir = filepath.Join(t.TempDir(), dir)
				}
				s := newSource(t, o)
				s.work(0, 100)
				if err := s.tracers.ForceFlush(t.Context()); err == nil || !strings.Contains(err.Error(), at.HTTPAddr[:9]) {
					t.Errorf("flush in the outage: %v", err)
				}
				if a := account(t, s.box, exporters.Traces); a.Pending != 100 || a.Err == nil || a.Since.IsZero() || a.Oldest.IsZero() {
					t.Errorf("in the outage: %+v", a)
				}
				s.work(100, 200)
				r := start(t, at)
				if err := s.close(t.Context()); err != nil {
					t.Fatal(err)
				}
				spans, records := names(r)
				if len(spans) != 200 || len(records) != 200 {
					t.Errorf("%d spans and %d records arrived, want 200", len(spans), len(records))
				}
				if a := account(t, s.box, exporters.Traces); a.Delivered != 200 || a.Err != nil || !a.Since.IsZero() || !a.Oldest.IsZero() {
					t.Errorf("after it: %+v", a)
				}
			})
		}
	}
}

// What waits in a directory goes with the next process, and the ledger goes on.
func TestDirectoryOutlivesTheProcess(t *testing.T) {
	t.Parallel()
	at, dir := listening(t), filepath.Join(t.TempDir(), "spool")
	o := to(httpAt(at))
	o.Dir = dir
	first := newSource(t, o)
	first.work(0, 100)
	if err := first.close(t.Context()); err != nil {
		t.Errorf("nothing is lost, but %v", err)
	}
	if a := account(t, first.box, exporters.Traces); a.Pending != 100 || a.Lost() != 0 {
		t.Errorf("first: %s", a)
	}

	second := newSource(t, o)
	if a := account(t, second.box, exporters.Traces); a.Pending != 100 || a.Created != 100 {
		t.Errorf("second: %s", a)
	}
	second.work(100, 200)
	r := start(t, at)
	if err := second.close(t.Context()); err != nil {
		t.Fatal(err)
	}
	spans, records := names(r)
	if len(spans) != 200 || len(records) != 200 {
		t.Errorf("%d spans and %d records arrived, want 200", len(spans), len(records))
	}
	if a := account(t, second.box, exporters.Traces); a.Created != 200 || a.Delivered != 200 {
		t.Errorf("second: %s", a)
	}
}

// Without a directory what is left at the end is lost, and told.
func TestLossAtTheEndHasANumber(t *testing.T) {
	t.Parallel()
	r := start(t, oteltest.Options{})
	s := newSource(t, to(exporters.Endpoint{URL: r.HTTPURL()}))
	s.work(0, 10)
	if err := s.box.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.Fail(oteltest.Fault{Status: 503, Code: codes.Unavailable})
	s.work(10, 30)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	err := s.close(ctx)
	if err == nil || !strings.Contains(err.Error(), "20 spans not delivered to "+strings.TrimPrefix(r.HTTPURL(), "http://")+" (abandoned 20)") {
		t.Errorf("got %v", err)
	}
	if a := account(t, s.box, exporters.Traces); a.Delivered != 10 || a.Dropped["abandoned"] != 20 {
		t.Errorf("got %s", a)
	}
	s.work(30, 31) // telemetry after the end is a loss as well
	if a := account(t, s.box, exporters.Logs); a.Dropped["abandoned"] != 21 && a.Created != 30 {
		t.Errorf("got %s", a)
	}
	if again := s.box.Close(t.Context()); !errors.Is(again, err) && again == nil {
		t.Errorf("the second close says %v", again)
	}
}

// In memory the oldest goes first, of the signal that takes most room.
func TestMemoryIsBoundedInBytes(t *testing.T) {
	t.Parallel()
	at := listening(t)
	o := to(httpAt(at))
	o.MaxMemory = 20 << 10
	s := newSource(t, o)
	s.work(0, 10)
	if err := s.box.Flush(t.Context()); err == nil {
		t.Fatal("nobody is there")
	}
	logger := s.loggers.Logger("test")
	for i := range 40 {
		for range 50 { // noise that does not compress
			emit(logger, noise(i))
		}
		_ = s.loggers.ForceFlush(t.Context())
	}
	logs, spans := account(t, s.box, exporters.Logs), account(t, s.box, exporters.Traces)
	if logs.Dropped["evicted"] == 0 || spans.Lost() != 0 || spans.Pending != 10 {
		t.Errorf("%s; %s", logs, spans)
	}
	if logs.Bytes+spans.Bytes > 2*o.MaxMemory { // with what is in flight
		t.Errorf("%d bytes wait", logs.Bytes+spans.Bytes)
	}
	r := start(t, at)
	_ = s.close(t.Context())
	arrived, records := names(r)
	logs = account(t, s.box, exporters.Logs)
	sum := 0
	for _, n := range records {
		sum += n
	}
	if len(arrived) != 10 || int64(sum) != logs.Delivered || logs.Delivered+logs.Lost() != logs.Created {
		t.Errorf("%d spans, %d records arrived; %s", len(arrived), sum, logs)
	}
}

// A destination that is away holds nobody up, and gets everything later.
func TestDestinationsAreIndependent(t *testing.T) {
	t.Parallel()
	for _, dir := range []string{"", "spool"} {
		t.Run(dir, func(t *testing.T) {
			t.Parallel()
			near, away := start(t, oteltest.Options{}), listening(t)
			first, second := exporters.To(exporters.Endpoint{URL: near.HTTPURL()}), exporters.To(exporters.Endpoint{URL: "http://" + away.GRPCAddr, Protocol: exporters.ProtocolGRPC})
			first.Name, second.Name = "near", "away"
			second.Logs = nil
			o := exporters.Options{Destinations: []exporters.Destination{first, second}}
			if dir != "" {
				o.Dir = filepath.Join(t.TempDir(), dir)
			}
			s := newSource(t, o)
			s.work(0, 100)
			if err := s.box.Flush(t.Context()); err == nil {
				t.Error("away is not there")
			}
			if spans, _ := names(near); len(spans) != 100 {
				t.Errorf("%d spans arrived near", len(spans))
			}
			r := start(t, away)
			if err := s.close(t.Context()); err != nil {
				t.Fatal(err)
			}
			spans, records := names(r)
			if len(spans) != 100 || len(records) != 0 {
				t.Errorf("%d spans and %d records arrived away, want 100 and none", len(spans), len(records))
			}
			for _, a := range s.box.Status().Accounts {
				if a.Delivered != a.Created || a.Created < 100 {
					t.Errorf("%s: %s", a.Destination, a)
				}
			}
			if n := len(s.box.Status().Accounts); n != 5 {
				t.Errorf("%d accounts, want 5", n)
			}
		})
	}
}

// A backend that is added later gets what the directory still holds.
func TestBackfill(t *testing.T) {
	t.Parallel()
	r, dir := start(t, oteltest.Options{}), filepath.Join(t.TempDir(), "spool")
	o := to(exporters.Endpoint{URL: r.HTTPURL()})
	o.Dir, o.Retain = dir, time.Hour
	s := newSource(t, o)
	s.work(0, 100)
	if err := s.close(t.Context()); err != nil {
		t.Fatal(err)
	}
	late := start(t, oteltest.Options{})
	mirror := exporters.To(exporters.Endpoint{URL: late.HTTPURL()})
	mirror.Name, mirror.Backfill = "late", true
	o.Destinations = append(o.Destinations, mirror)
	s = newSource(t, o)
	s.work(100, 120)
	if err := s.close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if spans, _ := names(late); len(spans) != 120 {
		t.Errorf("%d spans were back-filled, want 120", len(spans))
	}
	spans, _ := names(r)
	if len(spans) != 120 || slices.Max(slices.Collect(maps.Values(spans))) != 1 {
		t.Errorf("%d spans at the first backend, want 120, once each", len(spans))
	}
	for _, a := range s.box.Status().Accounts {
		if a.Delivered != a.Created {
			t.Errorf("%s: %s", a.Destination, a)
		}
	}
}

func TestOptionsAreChecked(t *testing.T) {
	t.Parallel()
	bad := exporters.To(exporters.Endpoint{URL: "nowhere"})
	_, err := exporters.Open(t.Context(), exporters.Options{
		Destinations: []exporters.Destination{bad, bad}, MaxMemory: -1, EachSpan: true,
	})
	for _, want := range []string{"two destinations are named \"default\"", "memory limit", "EachSpan needs a directory", "has no scheme"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in\n%v", want, err)
		}
	}
	if _, err := exporters.Open(t.Context(), exporters.Options{}); err == nil {
		t.Error("no destination is accepted")
	}
	_, err = exporters.Open(t.Context(), exporters.Options{Destinations: make([]exporters.Destination, 9)})
	if err == nil {
		t.Error("nine destinations are accepted")
	}
}

// silent takes connections and says nothing.
func silent(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.Addr().String()
}

func TestCloseKeepsItsDeadline(t *testing.T) {
	t.Parallel()
	for _, protocol := range []string{exporters.ProtocolHTTP, exporters.ProtocolGRPC} {
		s := newSource(t, to(exporters.Endpoint{URL: "http://" + silent(t), Protocol: protocol, Timeout: time.Hour}))
		s.work(0, 10)
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond) // or the test lasts an hour
		defer cancel()
		if err := s.close(ctx); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("10 %s not delivered", "spans")) {
			t.Errorf("%s: %v", protocol, err)
		}
	}
}

// What is sent again by another process has the id that it had, so that a
// receiver can drop what it has already.
func TestBatchIDOutlivesTheProcess(t *testing.T) {
	t.Parallel()
	r, dir := start(t, oteltest.Options{}), filepath.Join(t.TempDir(), "spool")
	r.Fail(oteltest.Fault{Status: 503, Code: codes.Unavailable})
	o := to(exporters.Endpoint{URL: r.HTTPURL()})
	o.Dir = dir
	for range 2 {
		s := newSource(t, o)
		if r.Requests() == nil {
			s.work(0, 3)
		}
		_ = s.box.Flush(t.Context())
		if err := s.close(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	ids := map[string]bool{}
	for _, q := range r.Requests() {
		ids[q.Path+" "+q.Header.Get("Otelmon-Batch-Id")] = true
	}
	if len(ids) != 3 {
		t.Errorf("ids %v, want one for each signal", slices.Sorted(maps.Keys(ids)))
	}
}
