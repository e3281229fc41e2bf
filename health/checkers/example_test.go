package checkers_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
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

func ExampleHTTP_body() {
	search := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"status":"yellow"}`)
	}))
	defer search.Close()
	check := checkers.HTTP(search.URL, checkers.HTTPOptions{Client: search.Client(), Body: func(body []byte) error {
		if !bytes.Contains(body, []byte(`"status":"green"`)) {
			return health.Degraded(errors.New("not green"))
		}
		return nil
	}})
	_, message, _ := strings.Cut(check(context.Background()).Error(), ": ")
	fmt.Println(message)
	// Output: not green
}

func ExampleHeartbeat() {
	beat := checkers.NewHeartbeat(checkers.DurationLimits{Degraded: time.Minute, Unhealthy: 5 * time.Minute})
	checks := health.New(health.Options{})
	_ = checks.Register(health.Check{Name: "mailer", Func: beat.Check}) // Start returns the error again

	for range 3 { // each round of the job
		beat.Beat()
	}
	fmt.Println(beat.Check(context.Background()))
	// Output: <nil>
}

func ExampleLock() {
	var accounts sync.RWMutex // the application's own
	check := health.Check{
		Name:    "accounts",
		Func:    checkers.Lock(accounts.RLocker()),
		Timeout: time.Minute,
		Scope:   health.Internal, // only a restart ends a deadlock
		Probes:  health.Liveness,
	}
	fmt.Println(check.Func(context.Background()))
	// Output: <nil>
}

func ExampleAtLeast() {
	up := func(context.Context) error { return nil }
	down := func(context.Context) error { return errors.New("replica 3: connection refused") }
	fmt.Println(checkers.AtLeast(2, up, up, down)(context.Background())) // which is degraded
	// Output: 2 of 3 are of use: replica 3: connection refused
}

func ExampleCertificate() {
	check := health.Check{
		Name:     "certificate",
		Func:     checkers.Certificate("shop.example:443", checkers.CertificateOptions{Config: &tls.Config{MinVersion: tls.VersionTLS12}}),
		Interval: 10 * time.Minute,
	}
	fmt.Println(check.Name)
	// Output: certificate
}
