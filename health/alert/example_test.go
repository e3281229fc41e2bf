package alert_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/otelmon/otelmon-go/health"
	"github.com/otelmon/otelmon-go/health/alert"
)

func Example() {
	ctx := context.Background()
	checks := health.New(health.Options{})
	_ = checks.Register(health.Check{ // Start returns the error again
		Name:     "postgres",
		Func:     func(context.Context) error { return errors.New("connection refused") },
		Critical: true,
		Runbook:  "https://runbooks.example/postgres",
	})
	if err := checks.Start(ctx); err != nil {
		fmt.Println(err)
	}
	defer func() { _ = checks.Shutdown(ctx) }()

	told := make(chan alert.Alert, 1)
	alerts, err := alert.Start(ctx, checks, alert.Options{
		Service:   "shop",
		Labels:    map[string]string{"team": "checkout"},
		Hold:      time.Millisecond, // for the example
		Receivers: []alert.Receiver{alert.To("pager", pager(told))},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = alerts.Shutdown(ctx) }()

	a := <-told
	fmt.Println(a.Status(), a.Labels["alertname"], a.Labels["severity"], a.Labels["team"])
	fmt.Println(a.Annotations["summary"])
	fmt.Println(a.Annotations["description"])
	// Output:
	// firing HealthCheckUnhealthy critical checkout
	// critical check postgres of shop is unhealthy
	// connection refused
}

// pager is a Notifier of one's own.
type pager chan<- alert.Alert

func (p pager) Notify(ctx context.Context, n alert.Notification) error {
	for _, a := range n.Alerts {
		select {
		case p <- a:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func ExampleStart() {
	checks := health.New(health.Options{})
	_, err := alert.Start(context.Background(), checks, alert.Options{
		Receivers: []alert.Receiver{
			alert.Alertmanager("http://alertmanager-1:9093", "http://alertmanager-2:9093"),
			alert.Webhook("http://169.254.169.254/latest/meta-data"),
			alert.Slack("hooks.slack.com/services/T0/B0/secret"),
			alert.Slog(slog.Default()),
		},
		Reminder: time.Second,
	})
	fmt.Println(err)
	// Output:
	// alert: webhook: 169.254.169.254 is a link-local or metadata address: nothing is sent there
	// alert: slack: the URL needs http:// or https:// and a host
	// alert: Options.Reminder 1s is below 1m
}

func ExampleWriteRules() {
	checks := health.New(health.Options{})
	_ = checks.Register(health.Check{
		Name: "postgres", Func: func(context.Context) error { return nil }, Critical: true,
		Runbook: "https://runbooks.example/postgres",
	})
	var rules strings.Builder
	if err := alert.WriteRules(&rules, "shop", checks.Checks()); err != nil {
		fmt.Println(err)
	}
	for line := range strings.Lines(rules.String()) { // the first one
		if strings.Contains(line, "HealthCheckDegraded") {
			break
		}
		fmt.Print(line)
	}
	// Output:
	// # Made from the health checks of the service. Make it anew when they change.
	// groups:
	//   - name: "health of shop"
	//     rules:
	//       - alert: HealthCheckUnhealthy
	//         expr: |
	//           sum by (job, health_check_name) (
	//             health_check_status{job="shop",health_check_name="postgres",health_check_state="unhealthy"}
	//               unless on (job, instance, health_check_name) health_check_muted{job="shop",health_check_name="postgres"} == 1
	//           ) > 0
	//         for: 1m
	//         labels:
	//           severity: "critical"
	//           health_check_name: "postgres"
	//         annotations:
	//           summary: "critical check postgres of shop is unhealthy (instances: {{ $value }})"
	//           runbook_url: "https://runbooks.example/postgres"
}
