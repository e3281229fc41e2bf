// Package e2e holds no code, only tests: they run the real OpenTelemetry
// Collector with the configuration that docker-compose.yaml mounts, and
// Prometheus' own OTLP receiver, store and query engine behind it, drive the
// example programs as processes of their own, and assert on what arrives. With
// Jaeger, Prometheus and Loki as processes behind it they ask these, as people
// would, for what the programs sent.
//
// They also break real servers under the examples (PostgreSQL, Redis) and follow
// the failure through Prometheus and Alertmanager to whoever is notified, and
// kill the Collector, the program and what is behind them to count what arrives.
// The manifests for Kubernetes are built and held against the API's types, their
// Collectors and their program run, and many instances of a service are restarted
// to see what that does to Prometheus. What the image of an example holds is built
// by its Dockerfile's commands and run. A browser
// looks at the console as people do: live, without scripts, by keyboard, with axe
// for accessibility, with much to show, and while the program is away. A test
// whose backend is missing is skipped and says where it comes from; with
// E2E_BACKENDS=required, as in CI, it fails.
package e2e
