package checkers_test

import (
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/otelmon/otelmon-go/health"
	"github.com/otelmon/otelmon-go/health/checkers"
)

func ExampleSlow() {
	var db *sql.DB // the application's own
	check := health.Check{
		Name:     "postgres",
		Func:     checkers.Slow(200*time.Millisecond, checkers.SQL(db)),
		Timeout:  2 * time.Second,
		Critical: true,
	}
	fmt.Println(check.Name)
	// Output: postgres
}

func ExampleHTTP() {
	billing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNoContent)
	}))
	defer billing.Close()
	check := checkers.HTTP(billing.URL+"/healthz", checkers.HTTPOptions{Client: billing.Client()})
	fmt.Println(check(context.Background()))
	// Output: <nil>
}

func ExampleDiskSpace() {
	check := checkers.DiskSpace(".", checkers.DiskSpaceOptions{UnhealthyBytes: 1})
	fmt.Println(check(context.Background()))
	// Output: <nil>
}

func ExampleMemory() {
	check := checkers.Memory(checkers.MemoryOptions{DegradedRatio: 0.8})
	fmt.Printf("%T\n", check)
	// Output: func(context.Context) error
}
