// Package e2e holds no code, only tests: they run the real OpenTelemetry
// Collector with the configuration that docker-compose.yaml mounts, and
// Prometheus' own OTLP receiver, store and query engine behind it, drive the
// example programs as processes of their own, and assert on what arrives.
package e2e
