// Package prometheus serves metrics to a Prometheus server that pulls them.
//
//	prom, err := prometheus.New()
//	if err != nil {
//		return err
//	}
//	mon, err := otelmon.Start(ctx, otelmon.Config{Taps: []otelmon.Tap{prom}})
//	…
//	mux.Handle("/metrics", prom)
//
// A server that can receive OTLP needs none of this. The package stands apart
// because the Prometheus client library adds weight to a binary.
package prometheus
