package otelmon

import "go.opentelemetry.io/otel/metric"

// RegisterCallback implements [metric.Meter], as the other methods do.
func (m meter) RegisterCallback(f metric.Callback, insts ...metric.Observable) (metric.Registration, error) {
	if f != nil {
		f = m.guard.callback(f)
	}
	return m.Meter.RegisterCallback(f, insts...)
}

func (m meter) Int64ObservableCounter(name string, opts ...metric.Int64ObservableCounterOption) (metric.Int64ObservableCounter, error) {
	cfg := metric.NewInt64ObservableCounterConfig(opts...)
	opts = []metric.Int64ObservableCounterOption{metric.WithDescription(cfg.Description()), metric.WithUnit(cfg.Unit())}
	for _, f := range cfg.Callbacks() {
		opts = append(opts, metric.WithInt64Callback(m.guard.int64(f)))
	}
	return m.Meter.Int64ObservableCounter(name, opts...)
}

func (m meter) Int64ObservableUpDownCounter(name string, opts ...metric.Int64ObservableUpDownCounterOption) (metric.Int64ObservableUpDownCounter, error) {
	cfg := metric.NewInt64ObservableUpDownCounterConfig(opts...)
	opts = []metric.Int64ObservableUpDownCounterOption{metric.WithDescription(cfg.Description()), metric.WithUnit(cfg.Unit())}
	for _, f := range cfg.Callbacks() {
		opts = append(opts, metric.WithInt64Callback(m.guard.int64(f)))
	}
	return m.Meter.Int64ObservableUpDownCounter(name, opts...)
}

func (m meter) Int64ObservableGauge(name string, opts ...metric.Int64ObservableGaugeOption) (metric.Int64ObservableGauge, error) {
	cfg := metric.NewInt64ObservableGaugeConfig(opts...)
	opts = []metric.Int64ObservableGaugeOption{metric.WithDescription(cfg.Description()), metric.WithUnit(cfg.Unit())}
	for _, f := range cfg.Callbacks() {
		opts = append(opts, metric.WithInt64Callback(m.guard.int64(f)))
	}
	return m.Meter.Int64ObservableGauge(name, opts...)
}

func (m meter) Float64ObservableCounter(name string, opts ...metric.Float64ObservableCounterOption) (metric.Float64ObservableCounter, error) {
	cfg := metric.NewFloat64ObservableCounterConfig(opts...)
	opts = []metric.Float64ObservableCounterOption{metric.WithDescription(cfg.Description()), metric.WithUnit(cfg.Unit())}
	for _, f := range cfg.Callbacks() {
		opts = append(opts, metric.WithFloat64Callback(m.guard.float64(f)))
	}
	return m.Meter.Float64ObservableCounter(name, opts...)
}

func (m meter) Float64ObservableUpDownCounter(name string, opts ...metric.Float64ObservableUpDownCounterOption) (metric.Float64ObservableUpDownCounter, error) {
	cfg := metric.NewFloat64ObservableUpDownCounterConfig(opts...)
	opts = []metric.Float64ObservableUpDownCounterOption{metric.WithDescription(cfg.Description()), metric.WithUnit(cfg.Unit())}
	for _, f := range cfg.Callbacks() {
		opts = append(opts, metric.WithFloat64Callback(m.guard.float64(f)))
	}
	return m.Meter.Float64ObservableUpDownCounter(name, opts...)
}

func (m meter) Float64ObservableGauge(name string, opts ...metric.Float64ObservableGaugeOption) (metric.Float64ObservableGauge, error) {
	cfg := metric.NewFloat64ObservableGaugeConfig(opts...)
	opts = []metric.Float64ObservableGaugeOption{metric.WithDescription(cfg.Description()), metric.WithUnit(cfg.Unit())}
	for _, f := range cfg.Callbacks() {
		opts = append(opts, metric.WithFloat64Callback(m.guard.float64(f)))
	}
	return m.Meter.Float64ObservableGauge(name, opts...)
}
