package e2e

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"
)

// TestCollectorKilledEachSecond: what arrives is what was made, whatever of it
// was on the way at the time. E2E_KILLING=60s goes on for longer.
func TestCollectorKilledEachSecond(t *testing.T) {
	t.Parallel()
	o := newOutage(t)
	o.up(t)
	sources := o.sources(t)
	tick, kills := time.NewTicker(time.Second), 0
	defer tick.Stop()
	for end := time.After(duration(t, "E2E_KILLING", 20*time.Second)); end != nil; {
		select {
		case <-tick.C:
			o.down(t)
			o.up(t)
			kills++
		case <-end:
			end = nil
		}
	}
	for _, s := range sources {
		s.close(t)
	}
	for _, s := range sources {
		o.complete(t, s)
	}
	t.Logf("the Collector was killed %d times", kills)
}

// TestLongOutage: an outage beyond the 10 s after which the official exporters
// give a batch up, which the control shows.
func TestLongOutage(t *testing.T) {
	t.Parallel()
	o := newOutage(t)
	sources, control := o.sources(t), o.source(t, "control", "control", "http/protobuf")
	for _, s := range append(sources, control) {
		s.awaitMade(t, 1)
	}
	<-time.After(duration(t, "E2E_OUTAGE", 15*time.Second))
	o.up(t)
	for _, s := range append(sources, control) {
		s.close(t)
	}
	for _, s := range sources {
		o.complete(t, s)
	}
	arrived, made := len(o.received("control")["traces"]), control.count("made")
	if arrived >= made {
		t.Errorf("the control has lost nothing, so the outage was none")
	}
	t.Logf("control: %d of %d spans", arrived, made)
}

// TestProgramKilledInOutage: the next process delivers what was in the directory,
// and its ledger knows how much was not. Prometheus has that number.
func TestProgramKilledInOutage(t *testing.T) {
	t.Parallel()
	for name, each := range map[string]string{"batches": "false", "each": "true"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOutage(t)
			env := []string{"OTELMON_OUTBOX_DIR=" + filepath.Join(t.TempDir(), "outbox"), "OTELMON_OUTBOX_EACH_SPAN=" + each}
			first := o.source(t, "source", name+"-first", "grpc", env...)
			first.awaitMade(t, 400)
			first.kill(t)

			second := o.source(t, "source", name+"-second", "grpc", env...)
			second.awaitMade(t, 100)
			o.up(t)
			second.close(t)
			got, opened, closed := o.received(first.name), second.ledger(t, "opened"), second.ledger(t, "closed")
			for _, signal := range []string{"traces", "logs"} {
				made, began := int64(first.count("made")), opened[signal]
				crashed := began.Dropped["crashed"]
				if unsaid := began.Created - made; unsaid < 0 || unsaid > 1 || began.Delivered != 0 || began.Pending != began.Created-crashed {
					t.Errorf("%s: %d were made, and the next ledger begins with %+v", signal, made, began)
				}
				if each == "true" && signal == "traces" && crashed > began.Created-made {
					t.Errorf("%d spans are lost that had ended", crashed)
				}
				if err := holes(got[signal], int(began.Created-crashed)); err != nil {
					t.Errorf("%s of the first process: %v", signal, err)
				}
				if err := holes(o.received(second.name)[signal], second.count("made")); err != nil {
					t.Errorf("%s of the second process: %v", signal, err)
				}
				a := closed[signal]
				if a.Created != began.Created+int64(second.count("made")) || a.Delivered != a.Created-crashed || a.Pending != 0 || a.Dropped["crashed"] != crashed {
					t.Errorf("%s: the ledger ends with %+v", signal, a)
				}
				t.Logf("%s: %d made, %d crashed, %d delivered", signal, a.Created, crashed, a.Delivered)
				o.inPrometheus(t, second.name, a)
			}
		})
	}
}

// inPrometheus checks the ledger's metrics.
func (o *outage) inPrometheus(t *testing.T, service string, a account) {
	t.Helper()
	of := fmt.Sprintf(`{job=%q,otelmon_telemetry_signal=%q,`, service, a.Signal)
	for _, expr := range []string{
		fmt.Sprintf(`otelmon_telemetry_created_total%s} == %d`, of, a.Created),
		fmt.Sprintf(`otelmon_telemetry_dropped_total%sotelmon_telemetry_drop_reason="crashed"} == %d`, of, a.Dropped["crashed"]),
	} {
		if n, err := o.prometheus.query(t.Context(), expr, time.Now().Add(-time.Minute)); n == 0 || err != nil {
			t.Errorf("Prometheus has no %s (%v)", expr, err)
		}
	}
}
