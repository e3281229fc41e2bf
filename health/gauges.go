package health

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/otelmon/otelmon-go/internal/keys"
)

// gauges are the observed instruments. All share one callback, so that what one
// collection sees belongs together, and the callback only copies: a collection
// can neither wait for a check nor fail because of one.
type gauges struct {
	status         metric.Int64ObservableUpDownCounter
	checkStatus    metric.Int64ObservableUpDownCounter
	severity       metric.Int64ObservableGauge
	lastCompletion metric.Float64ObservableGauge
	lastSuccess    metric.Float64ObservableGauge
	flapping       metric.Int64ObservableUpDownCounter
	muted          metric.Int64ObservableUpDownCounter
	lag            metric.Float64ObservableGauge
	verdicts       [4][]metric.ObserveOption // in the order of states()
	registration   metric.Registration
}

func newGauges(m metric.Meter, r *Registry) (gauges, error) {
	var g gauges
	var errs [8]error
	// States are counts of 0 or 1 and therefore additive: summed over instances
	// they say how many are in a state, which a gauge of codes can't.
	g.status, errs[0] = m.Int64ObservableUpDownCounter(keys.HealthStatus, metric.WithUnit("1"),
		metric.WithDescription("1 for the state that the service is in, 0 for the others."))
	g.checkStatus, errs[1] = m.Int64ObservableUpDownCounter(keys.HealthCheckStatus, metric.WithUnit("1"),
		metric.WithDescription("1 for the state that the health check is in, 0 for the others."))
	// No unit: "1" would make Prometheus call it health_check_severity_ratio.
	g.severity, errs[2] = m.Int64ObservableGauge(keys.HealthCheckSeverity,
		metric.WithDescription("0 healthy, 1 degraded, 2 unhealthy; absent while unknown."))
	g.lastCompletion, errs[3] = m.Float64ObservableGauge(keys.HealthCheckLastCompletion, metric.WithUnit("s"),
		metric.WithDescription("When the health check last returned in time, in Unix time."))
	g.lastSuccess, errs[4] = m.Float64ObservableGauge(keys.HealthCheckLastSuccess, metric.WithUnit("s"),
		metric.WithDescription("When the health check was last healthy, in Unix time."))
	g.flapping, errs[5] = m.Int64ObservableUpDownCounter(keys.HealthCheckFlapping, metric.WithUnit("1"),
		metric.WithDescription("1 while the health check keeps changing its state, else 0."))
	g.muted, errs[6] = m.Int64ObservableUpDownCounter(keys.HealthCheckMuted, metric.WithUnit("1"),
		metric.WithDescription("1 while nobody needs to be told: another check's failure explains this one's, or it is paused or in maintenance; else 0."))
	g.lag, errs[7] = m.Float64ObservableGauge(keys.HealthSchedulerLag, metric.WithUnit("s"),
		metric.WithDescription("How late the scheduler of health checks is."))
	if err := errors.Join(errs[:]...); err != nil {
		return g, err
	}
	for i, s := range states() {
		g.verdicts[i] = observeOption(attribute.String(keys.HealthState, s.String()))
	}
	var err error
	g.registration, err = m.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		g.observe(o, r)
		return nil
	}, g.status, g.checkStatus, g.severity, g.lastCompletion, g.lastSuccess, g.flapping, g.muted, g.lag)
	return g, err
}

func (g *gauges) observe(o metric.Observer, r *Registry) {
	now := time.Now()
	entries, results := r.readings(now)
	verdict := StateHealthy
	for _, result := range results {
		verdict = worst(verdict, result.weight(0))
	}
	o.ObserveFloat64(g.lag, r.lag(now).Seconds())
	for i, s := range states() {
		o.ObserveInt64(g.status, oneIf(s == verdict), g.verdicts[i]...)
	}
	for i, result := range results {
		g.observeCheck(o, &entries[i].series, result)
	}
}

func (g *gauges) observeCheck(o metric.Observer, s *series, result *Result) {
	for i, state := range states() {
		o.ObserveInt64(g.checkStatus, oneIf(state == result.State), s.states[i]...)
	}
	if severity, known := code(result.State); known {
		o.ObserveInt64(g.severity, severity, s.check...)
	}
	o.ObserveInt64(g.flapping, oneIf(result.Flapping), s.name...)
	o.ObserveInt64(g.muted, oneIf(result.Muted()), s.name...)
	if !result.LastCompletion.IsZero() {
		o.ObserveFloat64(g.lastCompletion, unixSeconds(result.LastCompletion), s.name...)
	}
	if !result.LastSuccess.IsZero() {
		o.ObserveFloat64(g.lastSuccess, unixSeconds(result.LastSuccess), s.name...)
	}
}

// series holds a check's attribute sets, made once.
type series struct {
	states [4][]metric.ObserveOption // in the order of states()
	check  []metric.ObserveOption
	name   []metric.ObserveOption
}

func newSeries(c Check) series {
	name := attribute.String(keys.HealthCheckName, c.Name)
	critical := attribute.Bool(keys.HealthCheckCritical, c.Critical)
	s := series{check: observeOption(name, critical), name: observeOption(name)}
	for i, state := range states() {
		s.states[i] = observeOption(name, critical, attribute.String(keys.HealthCheckState, state.String()))
	}
	return s
}

func observeOption(attrs ...attribute.KeyValue) []metric.ObserveOption {
	return []metric.ObserveOption{metric.WithAttributeSet(attribute.NewSet(attrs...))}
}

func code(s State) (severity int64, known bool) {
	switch s {
	case StateHealthy:
		return 0, true
	case StateDegraded:
		return 1, true
	case StateUnhealthy:
		return 2, true
	case StateUnknown:
	}
	return 0, false
}

func oneIf(holds bool) int64 { //nolint:revive // flag-parameter: it is the value
	if holds {
		return 1
	}
	return 0
}

func unixSeconds(t time.Time) float64 { return float64(t.UnixNano()) / 1e9 }
