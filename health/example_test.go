package health_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/otelmon/otelmon-go/health"
)

func Example() {
	ctx := context.Background()
	checks := health.New(health.Options{})
	_ = checks.Register(health.Check{ // Start returns the error again
		Name:     "cache",
		Func:     func(context.Context) error { return health.Degraded(errors.New("cold")) },
		Interval: health.MinInterval,
	})
	if err := checks.Start(ctx); err != nil {
		fmt.Println(err)
	}
	defer func() { _ = checks.Shutdown(ctx) }()

	for checks.Report().Results[0].State == health.StateUnknown {
		<-time.After(time.Millisecond)
	}
	answer := httptest.NewRecorder()
	checks.Handler().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/readyz?verbose", http.NoBody))
	fmt.Print(answer.Code, "\n", answer.Body)
	// Output:
	// 200
	// [!]cache degraded: error
	// note: messages and details are withheld; the program allows them with health.ShowDetails
	// readyz check passed, degraded
}

func ExampleRegistry_Register() {
	checks := health.New(health.Options{})
	err := checks.Register(health.Check{
		Name:   "postgres",
		Func:   func(context.Context) error { return nil },
		Probes: health.Liveness,
	})
	fmt.Println(err)
	// Output:
	// health: check "postgres": an external check can't be registered for liveness: a restart would not repair its cause (set Scope to Internal only if it would)
}

func ExampleRegistry_Handler() {
	checks := health.New(health.Options{})
	mux := http.NewServeMux()
	mux.Handle("/", checks.Handler(health.ShowDetails(func(req *http.Request) bool {
		return req.Header.Get("Authorization") == "Bearer of the operators" // your own rule
	})))
	answer := httptest.NewRecorder()
	mux.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/livez", http.NoBody))
	fmt.Println(answer.Code, answer.Body)
	// Output: 200 ok
}

func ExampleDetail() {
	lag := func(context.Context) (time.Duration, error) { return 3 * time.Second, nil }
	check := health.Check{Name: "replica", Func: func(ctx context.Context) error {
		behind, err := lag(ctx)
		if err != nil {
			return err
		}
		health.Detail(ctx, attribute.Float64("replica.lag.seconds", behind.Seconds()))
		if behind > time.Second {
			return health.Degraded(fmt.Errorf("%v behind", behind))
		}
		return nil
	}}
	fmt.Println(check.Func(context.Background()))
	// Output: 3s behind
}
