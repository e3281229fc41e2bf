package alert

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/otelmon/otelmon-go/health"
	"github.com/otelmon/otelmon-go/internal/keys"
)

// lone starts a worker without a sender, which ends with the test.
func lone(t *testing.T, n Notifier, change func(*worker)) *worker {
	t.Helper()
	o := Options{Service: "shop"}.withDefaults()
	w := newWorker(n, newTelemetry(o.MeterProvider), o, "lone")
	w.random = func() float64 { return 1 }
	if change != nil {
		change(w)
	}
	closing := make(chan struct{})
	go w.run(t.Context(), closing)
	t.Cleanup(func() {
		close(closing)
		<-w.done
	})
	return w
}

func firing(check string) Alert {
	a := alertOf(check, unhealthy, nil)
	a.StartsAt, a.fresh = time.Now(), true
	return a
}

func TestRetriesUntilAccepted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		box := &postbox{answer: func(context.Context, Notification) error { return errDown }}
		w := lone(t, box, nil)
		start := time.Now()
		w.post([]Alert{firing("a")})
		advance(10 * time.Minute)
		var pauses []string
		for _, at := range box.times() {
			pauses = append(pauses, at.Sub(start).String())
			start = at
		}
		if got := strings.Join(pauses, " "); got != "0s 1s 2s 4s 8s 16s 32s 1m4s 2m0s 2m0s 2m0s" {
			t.Errorf("pauses %s", got)
		}
		if w.pending != 1 {
			t.Errorf("%d pending after sends that failed, want 1", w.pending)
		}
		box.take()
		box.reply(nil)
		advance(2 * time.Minute)
		box.expect(t, "firing a HealthCheckUnhealthy critical")
		if w.pending != 0 {
			t.Errorf("%d pending after success", w.pending)
		}
		advance(DefaultReminder - 3*time.Minute)
		box.expect(t, "")
	})
}

func TestPausesWander(t *testing.T) {
	w := &worker{random: func() float64 { return 0 }}
	now := time.Now()
	if _, ends := w.after(errDown, 3); ends.Sub(now) < 4*time.Second || ends.Sub(now) > 5*time.Second {
		t.Errorf("the shortest of the fourth pause is %v, want half of 8s", ends.Sub(now))
	}
	if _, ends := w.after(&failure{after: time.Hour}, 0); ends.Sub(now) < time.Hour {
		t.Errorf("Retry-After of an hour is taken for %v", ends.Sub(now))
	}
}

func TestRefusedIsNotRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		box := &postbox{answer: func(context.Context, Notification) error { return &failure{text: "no", class: "400", refused: true} }}
		w := lone(t, box, nil)
		a, b := firing("a"), firing("b")
		w.post([]Alert{a})
		advance(refusedPause - time.Second)
		box.expect(t, "firing a HealthCheckUnhealthy critical")
		w.post([]Alert{a, b}) // a is no news
		box.expect(t, "firing b HealthCheckUnhealthy critical")
		advance(time.Second)
		box.expect(t, "firing a HealthCheckUnhealthy critical")
		w.post([]Alert{resolved(a, time.Now()), b})
		box.expect(t, "resolved a HealthCheckUnhealthy critical")
		advance(refusedPause)
		box.expect(t, "firing b HealthCheckUnhealthy critical")
		if len(w.items) != 1 {
			t.Errorf("%d alerts kept, want b alone", len(w.items))
		}
	})
}

// A receiver that was away is told how things stand, and not what happened.
func TestNewestStateIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		box := &postbox{answer: func(context.Context, Notification) error { return errDown }}
		w := lone(t, box, nil)
		a, b, c := firing("a"), firing("b"), firing("c")
		w.post([]Alert{a, b})
		synctest.Wait() // attempted, so it may know of them
		for range 100 {
			w.post([]Alert{resolved(a, time.Now()), resolved(b, time.Now()), c})
			w.post([]Alert{a, b, resolved(c, time.Now())})
			advance(20 * time.Second)
		}
		w.post([]Alert{resolved(a, time.Now()), b})
		if len(w.items) != 2 {
			t.Errorf("%d items for the two alerts that it may know of", len(w.items))
		}
		box.take()
		box.reply(nil)
		advance(maxPause)
		box.expect(t, "firing b HealthCheckUnhealthy critical, resolved a HealthCheckUnhealthy critical")
	})
}

// What ends while the news of its beginning is on the way must be told.
func TestEndDuringASend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		box := &postbox{answer: func(context.Context, Notification) error { <-release; return nil }}
		w := lone(t, box, nil)
		a := firing("a")
		w.post([]Alert{a})
		synctest.Wait()
		w.post([]Alert{resolved(a, time.Now())})
		close(release)
		box.expect(t, "firing a HealthCheckUnhealthy critical | resolved a HealthCheckUnhealthy critical")
		if len(w.items) != 0 {
			t.Errorf("%d items are left", len(w.items))
		}
	})
}

func TestWhatNobodyHeardOfNeedsNoEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		box := &postbox{answer: func(context.Context, Notification) error { <-release; return nil }}
		w := lone(t, box, nil)
		a, b := firing("a"), firing("b")
		w.post([]Alert{a})
		synctest.Wait()
		w.post([]Alert{a, b})
		w.post([]Alert{a, resolved(b, time.Now())})
		close(release)
		box.expect(t, "firing a HealthCheckUnhealthy critical")
	})
}

func TestBatchesAndQueueAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		box := &postbox{answer: func(_ context.Context, n Notification) error {
			if len(n.Alerts) > maxBatch {
				t.Errorf("%d alerts in one notification", len(n.Alerts))
			}
			n.Alerts[0].Labels[labelCheck] = "spoilt" // its own
			clear(n.Alerts)
			return nil
		}}
		w := lone(t, box, nil)
		var alerts []Alert
		for i := range maxQueue + 10 {
			alerts = append(alerts, firing(fmt.Sprintf("c%d", i)))
		}
		w.post(alerts)
		synctest.Wait()
		if len(box.times()) != maxQueue/maxBatch || w.pending != 0 {
			t.Errorf("%d notifications, %d pending", len(box.times()), w.pending)
		}
		if err := w.leftovers(nil); err == nil || !strings.Contains(err.Error(), "10 alerts found no place") {
			t.Errorf("what was lost: %v", err)
		}
	})
}

// One receiver hangs and ignores its context, one panics, one ends its
// goroutine, one fails: the last is told in time, and nothing hurts the registry.
func TestBadReceiversHurtNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		bad := map[string]func(context.Context, Notification) error{
			"hangs":  func(context.Context, Notification) error { <-release; return nil },
			"panics": func(context.Context, Notification) error { panic("oops") },
			"exits":  func(context.Context, Notification) error { runtime.Goexit(); return nil },
			"fails":  func(context.Context, Notification) error { return errDown },
			"waits":  func(ctx context.Context, _ Notification) error { <-ctx.Done(); return ctx.Err() },
		}
		const complaint = "alert: panics: panic: oops; trying again"
		before := len(handled.about(complaint))
		reader := sdkmetric.NewManualReader()
		o := Options{MeterProvider: sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))}
		for name, answer := range bad {
			o.Receivers = append(o.Receivers, To(name, &postbox{answer: answer}))
		}
		box := &postbox{}
		o.Receivers = append(o.Receivers, To("good", box))
		db := &dial{err: errDown}
		r := watched(t, health.Check{Name: "postgres", Func: db.check})
		s := begin(t, r, o)
		advance(DefaultHold + 2*time.Second)
		box.expect(t, "firing postgres HealthCheckUnhealthy warning")
		advance(sendTimeout + 2*time.Second)
		for name, class := range map[string]string{
			"hangs": classHung, "panics": classPanic, "exits": classPanic, "fails": classOther, "waits": classTimeout, "good": "",
		} {
			if n := counted(t, reader, keys.HealthNotifications, name, class); n == 0 {
				t.Errorf("%s: no notification counted with error.type %q", name, class)
			}
			want := oneIf(name != "good")
			if n := counted(t, reader, keys.HealthNotificationQueueSize, name, ""); float64(n) != want {
				t.Errorf("%s: queue size %d, want %v", name, n, want)
			}
		}
		if n := len(handled.about(complaint)) - before; n != 1 {
			t.Errorf("reported %d times, want once", n)
		}
		db.set(nil)
		advance(2 * time.Second)
		box.expect(t, "resolved postgres HealthCheckUnhealthy warning")

		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		start := time.Now()
		err := s.Shutdown(ctx)
		if took := time.Since(start); took > 3*time.Second {
			t.Errorf("Shutdown took %v of 3s", took)
		}
		if err == nil || !strings.Contains(err.Error(), "hangs is still running: context deadline exceeded") {
			t.Errorf("Shutdown says %v", err)
		}
		close(release)
		if err := s.Shutdown(t.Context()); err == nil || strings.Contains(err.Error(), "running") || !strings.Contains(err.Error(), "fails: 1 alerts not delivered: down") {
			t.Errorf("the second Shutdown says %v", err)
		}
	})
}

// counted returns the sum of a metric over a receiver and a class of errors.
func counted(t *testing.T, reader sdkmetric.Reader, name, receiver, class string) int64 {
	t.Helper()
	var all metricdata.ResourceMetrics
	must(t, reader.Collect(t.Context(), &all))
	want := []attribute.KeyValue{attribute.String(keys.HealthNotificationReceiver, receiver)}
	if class != "" {
		want = append(want, attribute.String(keys.ErrorType, class))
	}
	set := attribute.NewSet(want...)
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			if sum, ok := m.Data.(metricdata.Sum[int64]); ok && m.Name == name {
				for _, p := range sum.DataPoints {
					if p.Attributes.Equals(&set) {
						return p.Value
					}
				}
			}
		}
	}
	return 0
}

func TestShutdownSendsWhatIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		box := &postbox{answer: func(context.Context, Notification) error { return errDown }}
		r := watched(t, health.Check{Name: "postgres", Func: (&dial{err: errDown}).check})
		s := begin(t, r, Options{Receivers: []Receiver{To("box", box)}})
		advance(5 * time.Minute) // long pauses by now
		box.take()
		box.reply(nil)
		start := time.Now()
		must(t, r.Shutdown(t.Context()))
		must(t, s.Shutdown(t.Context()))
		if took := time.Since(start); took != 0 {
			t.Errorf("Shutdown waited %v", took)
		}
		box.expect(t, "firing postgres HealthCheckUnhealthy warning")
		must(t, s.Shutdown(t.Context())) // again
	})
}

// A receiver that heeds its context is gone when Shutdown has no time left.
func TestShutdownBreaksSendsOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		box := &postbox{answer: func(ctx context.Context, _ Notification) error { <-ctx.Done(); return ctx.Err() }}
		r := watched(t, health.Check{Name: "postgres", Func: (&dial{err: errDown}).check})
		s := begin(t, r, Options{Receivers: []Receiver{To("box", box)}})
		advance(DefaultHold + 2*time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); err == nil {
			t.Error("what was not delivered is an error")
		}
		synctest.Wait()
		if !isClosed(s.done) {
			t.Error("the send goes on")
		}
	})
}

func TestDefaults(t *testing.T) {
	t.Setenv("OTEL_SERVICE_NAME", "from-environment")
	o := Options{}.withDefaults()
	must(t, o.validate())
	if o.Service != "from-environment" || o.Hold != DefaultHold || o.Reminder != DefaultReminder || len(o.Receivers) != 1 || o.Receivers[0].name != "slog" {
		t.Errorf("%+v", o)
	}
	t.Setenv("OTEL_SERVICE_NAME", "")
	if o := (Options{}).withDefaults(); !strings.HasPrefix(o.Service, "unknown_service:alert.test") {
		t.Errorf("service %q", o.Service)
	}
}

func TestEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		box := &postbox{}
		r := watched(t, health.Check{Name: "postgres", Func: (&dial{err: errDown}).check})
		ctx, cancel := context.WithCancel(t.Context())
		s, err := Start(ctx, r, Options{Receivers: []Receiver{To("box", box)}})
		must(t, err)
		cancel()
		<-s.done
		advance(time.Hour)
		box.expect(t, "")
	})
}

func TestOptionsAreRefusedAtOnce(t *testing.T) {
	labels := map[string]string{"a-b": "x", "job": "x", "team": ""}
	_, err := Start(t.Context(), nil, Options{
		Receivers: []Receiver{{}, Alertmanager(), Webhook("https://"), To("", &postbox{}), To("mine", nil)},
		Service:   "a\nb", Labels: labels, Hold: -1, Reminder: time.Second,
	})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		"the registry is nil", "zero Receiver", "Alertmanager needs a URL", "webhook: the URL needs", "To needs a name",
		"mine: the Notifier is nil", "Options.Service", `"a-b"`, "job is the alert's own", "value of team", "Hold -1ns", "Reminder 1s",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%s is missing in\n%v", want, err)
		}
	}
	if len(labels) != 3 {
		t.Error("the caller's map was changed")
	}
}

func TestReceiversAreNamedByKind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &wire{}
		r := watched(t)
		s := begin(t, r, Options{Receivers: []Receiver{
			w.over(Alertmanager("http://a", "http://b")), w.over(Webhook("http://c")), To("webhook", &postbox{}), Slog(nil),
		}})
		var names []string
		for _, w := range s.workers {
			names = append(names, w.name)
		}
		if want := []string{"alertmanager", "alertmanager-2", "webhook", "webhook-2", "slog"}; !slices.Equal(names, want) {
			t.Errorf("%q, want %q", names, want)
		}
	})
}

func TestFailureOf(t *testing.T) {
	refused := &failure{class: "410", refused: true}
	if got := failureOf(fmt.Errorf("wrapped: %w", refused)); got != refused {
		t.Errorf("%+v", got)
	}
	if got := failureOf(errors.New("x")); got.class != classOther || got.refused {
		t.Errorf("%+v", got)
	}
}
