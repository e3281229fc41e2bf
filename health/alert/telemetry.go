package alert

import (
	"context"
	"errors"
	"fmt"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"

	"github.com/otelmon/otelmon-go/internal/keys"
)

// telemetry is what the delivery says of itself.
type telemetry struct {
	notifications metric.Int64Counter
	queue         metric.Int64UpDownCounter
}

func newTelemetry(provider metric.MeterProvider) *telemetry {
	var t telemetry
	if err := t.instrument(provider.Meter(keys.ScopeHealthAlert)); err != nil {
		otel.Handle(fmt.Errorf("alert: instruments: %w", err))
		_ = t.instrument(noop.Meter{}) // never fails
	}
	return &t
}

func (t *telemetry) instrument(m metric.Meter) error {
	var errs [2]error
	t.notifications, errs[0] = m.Int64Counter(keys.HealthNotifications, metric.WithUnit("{notification}"),
		metric.WithDescription("Attempts to tell a receiver of alerts; with error.type those that failed."))
	t.queue, errs[1] = m.Int64UpDownCounter(keys.HealthNotificationQueueSize, metric.WithUnit("{notification}"),
		metric.WithDescription("Alerts that a receiver has not been told of yet."))
	return errors.Join(errs[:]...)
}

func (t *telemetry) delivered(receiver string) {
	defer contain()
	t.notifications.Add(context.Background(), 1, metric.WithAttributes(attribute.String(keys.HealthNotificationReceiver, receiver)))
}

func (t *telemetry) failed(receiver, class string) {
	defer contain()
	t.notifications.Add(context.Background(), 1, metric.WithAttributes(
		attribute.String(keys.HealthNotificationReceiver, receiver), attribute.String(keys.ErrorType, class)))
}

func (t *telemetry) queued(receiver string, change int) {
	defer contain()
	t.queue.Add(context.Background(), int64(change), metric.WithAttributes(attribute.String(keys.HealthNotificationReceiver, receiver)))
}

// report hands an error to OpenTelemetry's error handler.
func report(err error) {
	defer contain()
	otel.Handle(err)
}

// contain ends a panic of somebody's SDK or error handler here.
func contain() { _ = recover() }
