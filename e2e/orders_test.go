//go:build unix

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/otelmon/otelmon-go/internal/loopback"
)

const orders = "orders"

// noticed is what a failure may take to be seen; the checks run each 200 ms.
const noticed = 20 * time.Second

// shop is the orders example with the two databases it works on.
type shop struct {
	*process
	base     string
	postgres *postgres
	redis    *redis
}

// startShop returns when the example is ready.
func startShop(t *testing.T, env []string, args ...string) *shop {
	t.Helper()
	s := &shop{postgres: startPostgres(t), redis: startRedis(t)}
	addr := loopback.Addr(t)
	s.base = "http://" + addr
	s.process = start(t, orders, env, append([]string{
		"-addr", addr, "-postgres", s.postgres.url(), "-redis", s.redis.url(), "-interval", "200ms", "-drain", "100ms",
	}, args...)...)
	awaitAnswer(t, s.base+"/readyz", "ok", s.ended)
	return s
}

// withoutTelemetry has the example keep its telemetry.
func withoutTelemetry() []string {
	return []string{"OTEL_TRACES_EXPORTER=none", "OTEL_METRICS_EXPORTER=none", "OTEL_LOGS_EXPORTER=none"}
}

// readiness is what /readyz says in JSON.
type readiness struct {
	status int
	State  string
	Checks []check
}

type check struct {
	Name, State, Reason, Message, Runbook string
	Because                               string `json:"suppressed_by"`
	Streak                                int
	Timestamp                             time.Time
}

func (r readiness) check(name string) check {
	if i := slices.IndexFunc(r.Checks, func(c check) bool { return c.Name == name }); i >= 0 {
		return r.Checks[i]
	}
	return check{}
}

func (s *shop) readiness(ctx context.Context) (r readiness, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.base+"/readyz?verbose", http.NoBody)
	if err != nil {
		return r, err
	}
	req.Header.Set("Accept", "application/json")
	status, body, err := exchange(req)
	if err == nil {
		err = json.Unmarshal([]byte(body), &r)
	}
	r.status = status
	return r, err
}

// await returns what /readyz says once that satisfies ok.
func (s *shop) await(t *testing.T, what string, ok func(readiness) bool) (r readiness) {
	t.Helper()
	await(t, noticed, s.ended, func(ctx context.Context) (err error) {
		if r, err = s.readiness(ctx); err == nil && !ok(r) {
			err = fmt.Errorf("%s: %+v", what, r)
		}
		return err
	})
	return r
}

func (s *shop) awaitReady(t *testing.T) {
	t.Helper()
	s.await(t, "not ready and healthy", func(r readiness) bool { return r.status == http.StatusOK && r.State == "healthy" })
}

// order places one and returns the status of the answer.
func (s *shop) order(ctx context.Context, quantity int) (int, error) {
	body := fmt.Sprintf(`{"item":"tea","quantity":%d}`, quantity)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.base+"/orders", strings.NewReader(body))
	if err != nil {
		return 0, err
	}
	status, _, err := exchange(req)
	return status, err
}

func (s *shop) mustAnswer(t *testing.T, quantity, want int) {
	t.Helper()
	if status, err := s.order(t.Context(), quantity); status != want || err != nil {
		t.Errorf("an order of %d is answered %d, %v; want %d", quantity, status, err, want)
	}
}

// TestPostgresCrash: without its database the service is alive and not ready, it
// names one cause, and it comes back by itself.
func TestPostgresCrash(t *testing.T) {
	s := startShop(t, withoutTelemetry())
	s.mustAnswer(t, 2, http.StatusCreated)

	s.postgres.stop(t)
	r := s.await(t, "postgres and orders should fail", func(r readiness) bool {
		return r.status == http.StatusServiceUnavailable && r.check("postgres").State == "unhealthy" && r.check("orders").State == "unhealthy"
	})
	if c := r.check("postgres"); c.Because != "" || c.Message == "" || !strings.HasSuffix(c.Runbook, "/docs/runbooks/postgres.md") {
		t.Errorf("postgres does not say what to do: %+v", c)
	}
	if c := r.check("orders"); c.Because != "postgres" {
		t.Errorf("orders does not say why: %+v", c)
	}
	if c := r.check("redis"); c.State != "healthy" {
		t.Errorf("redis: %+v", c)
	}
	awaitAnswer(t, s.base+"/livez", "ok", s.ended)
	s.mustAnswer(t, 2, http.StatusServiceUnavailable)

	s.postgres.start(t)
	s.awaitReady(t)
	s.mustAnswer(t, 2, http.StatusCreated)
	s.terminate(t, shutdownLimit)
}

// TestRedisCrash: what is not critical degrades the service, no more.
func TestRedisCrash(t *testing.T) {
	s := startShop(t, withoutTelemetry())
	s.redis.stop()
	r := s.await(t, "redis should fail", func(r readiness) bool { return r.check("redis").State == "unhealthy" })
	if r.status != http.StatusOK || r.State != "degraded" {
		t.Errorf("%d and %q without Redis, want 200 and degraded", r.status, r.State)
	}
	s.mustAnswer(t, 2, http.StatusCreated)

	s.redis.start(t)
	s.awaitReady(t)
	s.terminate(t, shutdownLimit)
}

// TestReadOnlyPostgres: a ping passes where no order can be stored. The orders
// themselves tell.
func TestReadOnlyPostgres(t *testing.T) {
	s := startShop(t, withoutTelemetry())
	s.mustAnswer(t, 2, http.StatusCreated)
	for range 10 {
		s.mustAnswer(t, -1, http.StatusUnprocessableEntity) // which is no fault of the database
	}
	results := make(map[time.Time]bool)
	s.await(t, "postgres should be executed again", func(r readiness) bool {
		c := r.check("postgres")
		if c.State != "healthy" || c.Streak > 0 {
			t.Fatalf("orders with wrong data are held against postgres: %+v", c)
		}
		results[c.Timestamp] = true
		return len(results) > 4
	})
	readOnly := func(is string) {
		if err := s.postgres.execute(t, "ALTER SYSTEM SET default_transaction_read_only = "+is, "SELECT pg_reload_conf()"); err != nil {
			t.Fatal(err)
		}
	}
	readOnly("on")
	await(t, noticed, s.ended, func(ctx context.Context) error {
		if status, err := s.order(ctx, 2); status != http.StatusServiceUnavailable || err != nil {
			return fmt.Errorf("an order is answered %d, %w", status, err)
		}
		r, err := s.readiness(ctx)
		if c := r.check("postgres"); err == nil && (r.status != http.StatusServiceUnavailable || c.Reason != "observed") {
			err = fmt.Errorf("%d, postgres: %+v", r.status, c)
		}
		return err
	})
	r, err := s.readiness(t.Context())
	if c := r.check("postgres"); err != nil || !strings.Contains(c.Message, "read-only") {
		t.Errorf("postgres does not say what fails: %+v, %v", c, err)
	}
	if c := r.check("orders"); c.State != "healthy" {
		t.Errorf("orders: %+v; reading still works", c)
	}

	readOnly("off")
	await(t, noticed, s.ended, func(ctx context.Context) error {
		status, err := s.order(ctx, 2)
		if err == nil && status != http.StatusCreated {
			err = fmt.Errorf("an order is answered %d", status)
		}
		return err
	})
	s.awaitReady(t)
	s.terminate(t, shutdownLimit)
}

// TestLockedTable: a ping passes where every query waits. The check that asks for
// the table tells, and does not blame the database.
func TestLockedTable(t *testing.T) {
	s := startShop(t, withoutTelemetry())
	s.mustAnswer(t, 2, http.StatusCreated)
	psql := s.postgres.psql(t, "BEGIN", "LOCK TABLE orders", "SELECT pg_sleep(600)")
	lock := run(t, psql)
	r := s.await(t, "orders should fail", func(r readiness) bool { return r.check("orders").State == "unhealthy" })
	if c := r.check("orders"); r.status != http.StatusServiceUnavailable || c.Reason != "timeout" || c.Because != "" {
		t.Errorf("%d, %+v; want 503 and a timeout of its own", r.status, c)
	}
	if c := r.check("postgres"); c.State != "healthy" {
		t.Errorf("postgres: %+v", c)
	}
	if err := s.postgres.execute(t, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"); err != nil {
		t.Fatal(err)
	}
	lock.wait(t, noticed)
	s.awaitReady(t)
	s.terminate(t, shutdownLimit)
}

// TestDrain: from SIGTERM on no new traffic is asked for, while what still comes
// is served.
func TestDrain(t *testing.T) {
	s := startShop(t, withoutTelemetry(), "-drain", "4s")
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	s.await(t, "readiness should fail", func(r readiness) bool { return r.status == http.StatusServiceUnavailable })
	awaitAnswer(t, s.base+"/livez", "ok", s.ended)
	s.mustAnswer(t, 2, http.StatusCreated)
	s.wait(t, shutdownLimit)
	if code := s.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}
