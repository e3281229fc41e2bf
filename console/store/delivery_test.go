package store

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/otelmon/otelmon-go/internal/keys"
)

// ledger says what package exporters would of the traces to one destination.
type ledger struct {
	mu                                    sync.Mutex
	created, delivered, rejected, evicted int64
	pending                               int64
	age                                   float64
	onDisk                                bool
}

func (l *ledger) set(change func(*ledger)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change(l)
}

func (l *ledger) observe(t *testing.T, r *rig) {
	t.Helper()
	m := r.MP.Meter(keys.ScopeExporters)
	created, _ := m.Int64ObservableCounter(keys.TelemetryCreated)
	delivered, _ := m.Int64ObservableCounter(keys.TelemetryDelivered)
	dropped, _ := m.Int64ObservableCounter(keys.TelemetryDropped)
	pending, _ := m.Int64ObservableUpDownCounter(keys.TelemetryPending)
	size, _ := m.Int64ObservableUpDownCounter(keys.TelemetryPendingSize)
	age, _ := m.Float64ObservableGauge(keys.TelemetryPendingAge)
	_, err := m.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		l.mu.Lock()
		defer l.mu.Unlock()
		with := func(more ...attribute.KeyValue) metric.MeasurementOption {
			return metric.WithAttributes(append(more, attribute.String(keys.TelemetryDestination, "default"), attribute.String(keys.TelemetrySignal, "traces"))...)
		}
		o.ObserveInt64(created, l.created, with())
		o.ObserveInt64(delivered, l.delivered, with())
		o.ObserveInt64(pending, l.pending, with())
		o.ObserveInt64(dropped, l.rejected, with(attribute.String(keys.TelemetryDropReason, "rejected")))
		o.ObserveInt64(dropped, l.evicted, with(attribute.String(keys.TelemetryDropReason, "evicted")))
		o.ObserveInt64(size, 10*l.pending, with(attribute.String(keys.TelemetryStore, "memory")))
		if l.onDisk {
			o.ObserveInt64(size, 20*l.pending, with(attribute.String(keys.TelemetryStore, "disk")))
		}
		o.ObserveFloat64(age, l.age, with())
		return nil
	}, created, delivered, dropped, pending, size, age)
	if err != nil {
		t.Fatal(err)
	}
}

func TestDeliveryIsNotConfiguredWithoutALedger(t *testing.T) {
	r := newRig(t, 0)
	d := r.Delivery()
	written, err := json.Marshal(d)
	if err != nil || d.Verdict != DeliveryNotConfigured || d.Reason == "" || !strings.Contains(string(written), `"accounts":[]`) {
		t.Errorf("%s, %v", written, err)
	}
}

func TestDeliveryVerdictFollowsTheLedger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 0)
		l := &ledger{created: 500, delivered: 490, rejected: 10, onDisk: true} // of an earlier process
		l.observe(t, r)
		is := func(want, why string) DeliveryAccount {
			t.Helper()
			r.metrics.sampler.demand()
			d := r.Delivery()
			if len(d.Accounts) != 1 {
				t.Fatalf("%+v", d)
			}
			a := d.Accounts[0]
			if d.Verdict != want || a.Verdict != want || !strings.Contains(a.Reason, why) {
				t.Errorf("%s: %s, want %s: %s", a.Verdict, a.Reason, want, why)
			}
			if a.Created != a.Delivered+a.Pending+a.Lost {
				t.Errorf("does not add up: %+v", a)
			}
			return a
		}
		if a := is(DeliveryOK, "arrives"); a.LostLately != 0 {
			t.Errorf("before the first sample: %+v", a)
		}
		wait(2)
		a := is(DeliveryOK, "arrives")
		if a.Mode != "disk" || a.Lost != 10 || a.LostLately != 0 || len(a.Dropped) != 1 || a.Dropped[0] != (DeliveryLoss{"rejected", 10}) {
			t.Errorf("what an earlier process lost: %+v", a)
		}

		l.set(func(l *ledger) { l.created, l.pending, l.age = 600, 100, 3 })
		is(DeliveryWaiting, "nothing is known to be taken since the start; 100 items wait, the oldest for 3s, on the disk.")
		for range 5 {
			wait(1)
			l.set(func(l *ledger) { l.age += 5 })
		}
		a = is(DeliveryFailing, "none are taken; 100 items wait, the oldest for 28s, on the disk")
		if a.DiskBytes != 2000 || a.MemoryBytes != 1000 || a.Oldest != 28 {
			t.Errorf("%+v", a)
		}

		l.set(func(l *ledger) { l.delivered, l.pending = 520, 70 })
		is(DeliveryBehind, "late")

		l.set(func(l *ledger) { l.evicted, l.pending = 50, 20 })
		a = is(DeliveryLosing, "50 items were lost in the last 5 minutes (evicted, rejected)")
		if a.LostLately != 50 {
			t.Errorf("%+v", a)
		}
		l.set(func(l *ledger) { l.delivered, l.pending, l.age = 540, 0, 0 })
		wait(lostLately - 1)
		is(DeliveryLosing, "50 items")
		wait(2)
		is(DeliveryOK, "")
	})
}

// Without a backend nothing is ok before it is failing: what is made arrives once
// something was taken.
func TestDeliveryIsNotOKBeforeAnythingWasTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 0)
		l := &ledger{}
		l.observe(t, r)
		for _, c := range []struct {
			created, delivered, pending, evicted int64

			age         float64
			want, about string
		}{
			{want: DeliveryIdle, about: "nothing was made yet."},
			{created: 3, pending: 3, want: DeliveryWaiting, about: "nothing was taken yet; 3 items wait, in memory."},
			{created: 3, pending: 3, age: 14, want: DeliveryWaiting, about: "nothing was taken yet; 3 items wait, the oldest for 14s, in memory."},
			{created: 3, pending: 3, age: 15, want: DeliveryFailing, about: "none are taken; 3 items wait, the oldest for 15s, in memory."},
			{created: 3, pending: 0, evicted: 3, want: DeliveryWaiting, about: "nothing was taken yet."},
			{created: 9, delivered: 2, pending: 4, age: 3, evicted: 3, want: DeliveryOK, about: "what is made arrives."},
		} {
			l.set(func(l *ledger) {
				l.created, l.delivered, l.pending, l.evicted, l.age = c.created, c.delivered, c.pending, c.evicted, c.age
			})
			r.metrics.sampler.demand()
			d := r.Delivery()
			if a := d.Accounts[0]; d.Verdict != c.want || a.Verdict != c.want || a.Reason != "The traces to default: "+c.about {
				t.Errorf("%+v: %s, %s: %s", c, d.Verdict, a.Verdict, a.Reason)
			}
		}
	})
}

// A signal of which nothing was made says nothing about the others, and what arrives
// at one destination nothing about another.
func TestDeliveryOfAQuietSignal(t *testing.T) {
	r := newRig(t, 0)
	m := r.MP.Meter(keys.ScopeExporters)
	created, _ := m.Int64Counter(keys.TelemetryCreated)
	delivered, _ := m.Int64Counter(keys.TelemetryDelivered)
	pending, _ := m.Int64UpDownCounter(keys.TelemetryPending)
	at := func(destination, signal string) metric.MeasurementOption {
		return metric.WithAttributes(attribute.String(keys.TelemetryDestination, destination), attribute.String(keys.TelemetrySignal, signal))
	}
	said := func(want, why string) {
		t.Helper()
		r.metrics.sampler.demand()
		if d := r.Delivery(); d.Verdict != want || d.Reason != why {
			t.Errorf("%s: %s; want %s: %s", d.Verdict, d.Reason, want, why)
		}
	}
	created.Add(t.Context(), 0, at("a", "logs"))
	said(DeliveryIdle, "Nothing was made yet.")
	created.Add(t.Context(), 1, at("a", "traces"))
	delivered.Add(t.Context(), 1, at("a", "traces"))
	said(DeliveryOK, "What is made arrives.")
	created.Add(t.Context(), 1, at("b", "traces"))
	pending.Add(t.Context(), 1, at("b", "traces"))
	said(DeliveryWaiting, "The traces to b: nothing was taken yet; 1 item waits, in memory.")
}

// The worst account speaks for all, and destinations come in order.
func TestDeliveryOfSeveralDestinations(t *testing.T) {
	r := newRig(t, 0)
	m := r.MP.Meter(keys.ScopeExporters)
	pending, _ := m.Int64UpDownCounter(keys.TelemetryPending)
	age, _ := m.Float64Gauge(keys.TelemetryPendingAge)
	for _, at := range [][2]string{{"b", "logs"}, {"b", "traces"}, {"a", "metrics"}} {
		with := metric.WithAttributes(attribute.String(keys.TelemetryDestination, at[0]), attribute.String(keys.TelemetrySignal, at[1]))
		pending.Add(t.Context(), 1, with)
		if at[1] == "logs" {
			age.Record(t.Context(), 60, with)
		}
	}
	d := r.Delivery()
	var order []string
	for _, a := range d.Accounts {
		order = append(order, a.Destination+" "+a.Signal+" "+a.Verdict)
	}
	want := "a metrics waiting, b traces waiting, b logs failing"
	if got := strings.Join(order, ", "); got != want || d.Verdict != DeliveryFailing || d.Reason != "The logs to b: none are taken; 1 item waits, the oldest for 1m0s, in memory." {
		t.Errorf("%s: %s, %s; want %s", d.Verdict, d.Reason, got, want)
	}
	if time.Since(d.AsOf) > time.Minute {
		t.Errorf("as of %s", d.AsOf)
	}
}
