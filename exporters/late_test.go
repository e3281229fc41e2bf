package exporters_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/otelmon/otelmon-go/exporters"
	"github.com/otelmon/otelmon-go/internal/oteltest"
)

// What is made after the end is lost, is counted as that, and is none of the next
// process's business, which may have the directory by then.
func TestTelemetryAfterTheEnd(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name      string
		dir, each bool
	}{{name: "memory"}, {name: "directory", dir: true}, {name: "each span", dir: true, each: true}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := start(t, oteltest.Options{})
			o := to(exporters.Endpoint{URL: r.HTTPURL()})
			o.EachSpan = c.each
			if c.dir {
				o.Dir = filepath.Join(t.TempDir(), "spool")
			}
			s := newSource(t, o)
			s.items(0, 10, 0)
			if err := s.box.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			s.items(10, 15, 0)
			s.balance(t, 15, r)
			for _, signal := range everySignal {
				if a := account(t, s.box, signal); a.Delivered != 10 || a.Dropped["abandoned"] != 5 || a.Pending != 0 {
					t.Errorf("%s", a)
				}
			}
			if !c.dir {
				return
			}
			next := newSource(t, o)
			s.items(15, 17, 0)
			if err := next.close(t.Context()); err != nil {
				t.Error(err)
			}
			next.balance(t, 10, r)
		})
	}
}

// A context that is over leaves no time to deliver, but the directory has it all.
func TestCloseInNoTime(t *testing.T) {
	t.Parallel()
	for range 10 {
		r := start(t, oteltest.Options{})
		o := to(exporters.Endpoint{URL: r.HTTPURL()})
		o.Dir = filepath.Join(t.TempDir(), "spool")
		o.Spans.Delay, o.Records.Delay = time.Hour, time.Hour
		s := newSource(t, o)
		s.items(0, 400, 0)
		if err := s.close(done()); err != nil {
			t.Logf("close: %v", err)
		}
		for _, signal := range everySignal {
			if a := account(t, s.box, signal); a.Lost() != 0 {
				t.Errorf("%s", a)
			}
		}
		next := newSource(t, o)
		if err := next.close(t.Context()); err != nil {
			t.Error(err)
		}
		next.balance(t, 400, r)
	}
}

// A collection whose time is over is kept like any other.
func TestExportWhoseTimeIsOver(t *testing.T) {
	t.Parallel()
	r := start(t, oteltest.Options{})
	s := newSource(t, to(exporters.Endpoint{URL: r.HTTPURL()}))
	if err := s.box.MetricExporter().Export(done(), collectionOf(3)); err != nil {
		t.Error(err)
	}
	if err := s.close(t.Context()); err != nil {
		t.Error(err)
	}
	if a := account(t, s.box, exporters.Metrics); a.Delivered != 3 {
		t.Errorf("%s", a)
	}
}

// A signal that goes nowhere so far has lost nothing when it begins to.
func TestSignalThatIsAddedLater(t *testing.T) {
	t.Parallel()
	r := start(t, oteltest.Options{})
	o := to(exporters.Endpoint{URL: r.HTTPURL()})
	logs := o.Destinations[0].Logs
	o.Destinations[0].Logs = nil
	o.Dir = filepath.Join(t.TempDir(), "spool")
	s := newSource(t, o)
	s.items(0, 10, 0)
	if err := s.close(t.Context()); err != nil {
		t.Error(err)
	}
	o.Destinations[0].Logs = logs
	s = newSource(t, o)
	s.items(10, 15, 0)
	if err := s.close(t.Context()); err != nil {
		t.Error(err)
	}
	if a := account(t, s.box, exporters.Logs); a.Lost() != 0 || a.Created != 5 || a.Delivered != 5 {
		t.Errorf("%s", a)
	}
}
