package healthtest_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/otelmon/otelmon-go/health"
	"github.com/otelmon/otelmon-go/health/healthtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestWarehouse(t *testing.T) { testWarehouse(t) }

func TestDependency(t *testing.T) {
	healthtest.Run(t, func(*testing.T) healthtest.Subject {
		d := new(healthtest.Dependency)
		return healthtest.Subject{
			Check: d.Ping, Break: d.Break, Repair: d.Repair, Hang: d.Hang,
			Connections: func() int { return 0 }, Secrets: []string{"rosebud"},
		}
	})
}

// TestRepairEndsAHang: of a Ping that waits without a deadline.
func TestRepairEndsAHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d healthtest.Dependency
		d.Hang()
		answers := make(chan error, 2)
		go func() { answers <- d.Ping(t.Context()) }()
		synctest.Wait()
		d.Hang() // goes on
		go func() { answers <- d.Ping(t.Context()) }()
		synctest.Wait()
		if len(answers) != 0 {
			t.Fatal("answered while it hangs")
		}
		d.Repair()
		for range 2 {
			if err := <-answers; err != nil {
				t.Error(err)
			}
		}
	})
}

func TestCountingListener(t *testing.T) {
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	listener := &healthtest.CountingListener{Listener: server.Listener}
	server.Listener = listener
	server.Start()
	defer server.Close()
	for n := range 3 {
		if got := listener.Accepted(); got != n {
			t.Errorf("%d connections accepted, want %d", got, n)
		}
		resp, err := server.Client().Get(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		server.Client().CloseIdleConnections()
	}
}

// TestInSynctest: what an application does about a failure, in no time.
func TestInSynctest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var db healthtest.Dependency
		checks := health.New(health.Options{})
		if err := checks.Register(health.Check{Name: "db", Critical: true, Func: db.Ping}); err != nil {
			t.Fatal(err)
		}
		if err := checks.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = checks.Shutdown(context.WithoutCancel(t.Context())) }()
		ready := func() int {
			<-time.After(time.Minute)
			answer := httptest.NewRecorder()
			checks.Handler().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/readyz", http.NoBody))
			return answer.Code
		}
		for _, step := range []struct {
			name string
			do   func()
			want int
		}{
			{"works", func() {}, http.StatusOK},
			{"hangs", db.Hang, http.StatusServiceUnavailable},
			{"repaired", db.Repair, http.StatusOK},
			{"broken", db.Break, http.StatusServiceUnavailable},
		} {
			step.do()
			if got := ready(); got != step.want {
				t.Errorf("%s: /readyz is %d, want %d", step.name, got, step.want)
			}
		}
	})
}

// TestRun looks at what go test says of a checker that swallows its failures, and
// of a subject that is none.
func TestRun(t *testing.T) {
	const variable = "HEALTHTEST_SUBJECT"
	if which := os.Getenv(variable); which != "" {
		healthtest.Run(t, func(*testing.T) healthtest.Subject {
			if which == "none" {
				return healthtest.Subject{Secrets: []string{""}}
			}
			return healthtest.Subject{Check: func(context.Context) error { return nil }, Break: func() {}}
		})
		return
	}
	for which, want := range map[string][]string{
		"bad": {
			"--- PASS: TestRun/passes", "--- FAIL: TestRun/fails_when_broken",
			"passes although its dependency is broken",
			"--- SKIP: TestRun/returns_when_its_context_ends", "not verified: Subject.Hang is nil",
			"--- SKIP: TestRun/uses_its_connection_again", "not verified: Subject.Connections is nil",
		},
		"none": {"Subject.Check is nil", "Subject.Break is nil", "Subject.Secrets has an empty text"},
	} {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestRun$", "-test.v")
		cmd.Env = append(os.Environ(), variable+"="+which)
		out, err := cmd.CombinedOutput()
		if err == nil {
			t.Errorf("%s: the test passes", which)
		}
		for _, text := range want {
			if !strings.Contains(string(out), text) {
				t.Errorf("%s: no %q in\n%s", which, text, out)
			}
		}
	}
}
