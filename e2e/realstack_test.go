//go:build unix

package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/otelmon/otelmon-go/doctor"
	"github.com/otelmon/otelmon-go/internal/loopback"
)

// TestRealStack: what programs send is found again in the real Jaeger, Prometheus
// and Loki behind the Collector, by the questions that people ask there.
func TestRealStack(t *testing.T) {
	s := startRealStack(t)
	t.Run("doctor", s.testDoctor)
	t.Run("request", s.testRequest)
	t.Run("operation", s.testOperation)
	t.Run("processes", s.testProcesses)
	t.Run("ledger", s.testLedger)
	t.Run("span metrics", s.testSpanMetrics)
	s.mu.Lock() // the Collector still runs
	for _, trouble := range s.trouble {
		t.Errorf("the Collector complains: %s", trouble)
	}
	s.mu.Unlock()
	t.Run("doctor without Jaeger", s.testDoctorWithoutJaeger)
}

func (s realStack) doctorOptions(arrival time.Duration) doctor.Options {
	return doctor.Options{
		Environ: append(otlp("grpc", s.grpc), "OTEL_SERVICE_NAME=patient"), Arrival: arrival,
		Jaeger: s.jaeger.base, Prometheus: s.prometheus.base, Loki: s.loki.base,
	}
}

// otelmon runs the command and returns what it printed and its exit code.
func (s realStack) otelmon(t *testing.T, args ...string) (out string, code int) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "otelmon")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", file, "./cmd/otelmon")
	build.Dir = ".."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build otelmon: %v\n%s", err, out)
	}
	args = append(args, "-jaeger", s.jaeger.base, "-prometheus", s.prometheus.base, "-loki", s.loki.base)
	cmd := exec.CommandContext(t.Context(), file, args...)
	cmd.Env = append(otlp("http/protobuf", s.http), "OTEL_SERVICE_NAME=commanded", "PATH="+os.Getenv("PATH"), "HOME="+t.TempDir())
	printed, err := cmd.Output()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(printed), cmd.ProcessState.ExitCode()
}

// arrivedIn checks that the probe was found in every store.
func arrivedIn(t *testing.T, report doctor.Report) {
	t.Helper()
	for signal, store := range map[string]string{"traces": "Jaeger", "metrics": "Prometheus", "logs": "Loki"} {
		c, _ := find(report.Checks, func(c doctor.Check) bool { return c.Name == doctor.CheckArrival && c.Subject == signal })
		if c.Verdict != doctor.OK || !strings.HasPrefix(c.Found, "The probe is in "+store+", ") {
			t.Errorf("%s: %+v", signal, c)
		}
	}
}

func (s realStack) testDoctor(t *testing.T) {
	report := doctor.Run(t.Context(), s.doctorOptions(30*time.Second))
	arrivedIn(t, report)
	if err := report.Err(); err != nil {
		t.Error(err)
	}
	out, code := s.otelmon(t, "doctor", "-json")
	var commanded doctor.Report
	if err := json.Unmarshal([]byte(out), &commanded); err != nil || code != 0 {
		t.Fatalf("exit code %d, %v:\n%s", code, err, out)
	}
	arrivedIn(t, commanded)
}

// testDoctorWithoutJaeger comes last: the Collector takes the probe as before,
// and keeps it.
func (s realStack) testDoctorWithoutJaeger(t *testing.T) {
	s.jaeger.kill(t)
	report := doctor.Run(t.Context(), s.doctorOptions(2*time.Second))
	i := slices.IndexFunc(report.Checks, func(c doctor.Check) bool { return c.Verdict == doctor.Failed })
	if i < 0 {
		t.Fatalf("%+v", report.Checks)
	}
	found := fmt.Sprintf("Jaeger at %s cannot be asked for the probe.", s.jaeger.base)
	const fix = "Check the address given for Jaeger and that it runs."
	if c := report.Checks[i]; c.Name != doctor.CheckArrival || c.Subject != "traces" || c.Found != found || c.Fix != fix {
		t.Errorf("%+v", c)
	}
	out, code := s.otelmon(t, "doctor", "-arrival", "2s")
	if text := strings.Join(strings.Fields(out), " "); code != 1 || !strings.Contains(text, found+" -> "+fix) {
		t.Errorf("exit code %d:\n%s", code, out)
	}
}

// testRequest: a search is one trace from the request to the query.
func (s realStack) testRequest(t *testing.T) {
	addr := loopback.Addr(t)
	p := start(t, codesearch, otlp("grpc", s.grpc), "-addr", addr, "-root", repository(t, "bulk"))
	awaitAnswer(t, "http://"+addr+"/readyz", "", p.ended)
	awaitAnswer(t, "http://"+addr+"/search?q=func", "func", p.ended)
	trace := s.await(t, 30*time.Second, p, codesearch, "GET /search", "SELECT search")
	at := trace.named("SELECT search")[0]
	if at.tag("db.system.name") != "sqlite" || at.tag("span.kind") != "client" || !strings.HasPrefix(at.tag("db.query.text"), "SELECT ") {
		t.Errorf("the query is %+v", at)
	}
	var above []string
	for ok := true; ok; at, ok = trace.parent(at) {
		above = append(above, at.OperationName)
	}
	if above[len(above)-1] != "GET /search" {
		t.Errorf("above the query are %q, want the request on top", above)
	}
	t.Logf("from the query up: %q", above)
	p.terminate(t, shutdownLimit)
}

// repository is the absolute path of a folder of this repository.
func repository(t *testing.T, name string) string {
	t.Helper()
	folder, err := filepath.Abs(filepath.Join("..", name))
	if err != nil {
		t.Fatal(err)
	}
	return folder
}

// testOperation: a bulk operation is found while it runs, with its first segment
// and the log record of its start. When it has ended nothing is left without
// its parent.
func (s realStack) testOperation(t *testing.T) {
	pg := startPostgres(t)
	file := filepath.Join(t.TempDir(), "orders.csv")
	pg.loadFile(t, 0, file, "-generate", strconv.Itoa(etlRows))
	p := start(t, etl, otlp("http/protobuf", s.http), "-postgres", pg.url(), "-file", file, "-rate", "1600")
	running := s.await(t, time.Minute, p, etl, "bulk.segment", "bulk.started")
	if len(running.named("bulk etl.orders")) > 0 {
		t.Error("the operation has ended before its first segment arrived")
	}
	if n, err := strconv.Atoi(running.named("bulk.segment")[0].tag("bulk.items.ok")); err != nil || n < 1000 {
		t.Errorf("the segment of ten seconds has done %d items, %v", n, err)
	}
	s.awaitLine(t, p, running.TraceID, "started")

	p.wait(t, etlLimit)
	var never chan error
	var ended storedTrace
	await(t, 30*time.Second, never, func(ctx context.Context) error {
		all, err := s.traces(ctx, etl, "bulk etl.orders")
		if err == nil && len(all) != 1 {
			err = fmt.Errorf("%d operations, want one", len(all))
		}
		if err == nil {
			ended = all[0]
		}
		return err
	})
	if ended.TraceID != running.TraceID || ended.named("bulk etl.orders")[0].tag("bulk.items.ok") != strconv.Itoa(etlRows) {
		t.Errorf("the operation %s is %+v, its trace began as %s", ended.TraceID, ended.named("bulk etl.orders"), running.TraceID)
	}
	for _, span := range ended.Spans {
		if _, ok := ended.parent(span); !ok && span.OperationName != "bulk etl.orders" {
			t.Errorf("%s has no parent: %+v", span.OperationName, span.References)
		}
	}
}

// awaitLine waits for a log record of the loading program that belongs to the
// trace and has the text in it.
func (s realStack) awaitLine(t *testing.T, p *process, trace, text string) {
	t.Helper()
	await(t, 30*time.Second, p.ended, func(ctx context.Context) error {
		lines, err := s.lines(ctx, etl, trace)
		if err == nil && !slices.ContainsFunc(lines, func(line string) bool { return strings.Contains(line, text) }) {
			err = fmt.Errorf("no line with %q for the trace %s in %q", text, trace, lines)
		}
		return err
	})
}

// testProcesses: the part of a worker leads to the operation of the coordinator,
// which is another process in another trace.
func (s realStack) testProcesses(t *testing.T) {
	r := rivers{s.stack, startPostgres(t)}
	few := []string{"-rows", "3000", "-parts", "3"}
	coordinator := r.start(t, "coordinate", "coordinator", "coordinator", few...)
	worker := r.start(t, "work", "a", "a", few...)
	coordinator.wait(t, riverLimit)
	end(t, worker)
	var never chan error
	await(t, 30*time.Second, never, func(ctx context.Context) error {
		parts, err := s.traces(ctx, riverWorker, "bulk backfill.slugs")
		if err != nil {
			return err
		}
		operations, err := s.traces(ctx, riverCoordinator, "bulk backfill.slugs")
		if err != nil {
			return err
		}
		if len(parts) != 1 || len(operations) != 1 {
			return fmt.Errorf("%d parts and %d operations, want one each", len(parts), len(operations))
		}
		part, operation := parts[0].named("bulk backfill.slugs")[0], operations[0].named("bulk backfill.slugs")[0]
		to := part.References
		if len(to) != 1 || to[0].TraceID != operations[0].TraceID || to[0].SpanID != operation.SpanID || to[0].TraceID == parts[0].TraceID {
			return fmt.Errorf("the part leads to %v, want the operation %s in %s", to, operation.SpanID, operations[0].TraceID)
		}
		return nil
	})
}

// testLedger: Jaeger has each span that the ledger counts, and no more.
func (s realStack) testLedger(t *testing.T) {
	for protocol, endpoint := range protocols(s.stack) {
		name := "ledger-" + protocol
		p := &source{actor(t, "source", append(otlp(protocol, endpoint), "OTEL_SERVICE_NAME="+name)...), name}
		p.awaitMade(t, 500)
		p.close(t)
		a := p.ledger(t, "closed")["traces"]
		if made := int64(p.count("made")); a.Created != made || a.Delivered != made {
			t.Errorf("%d spans were made, and the ledger says %+v", made, a)
		}
		var never chan error
		await(t, 30*time.Second, never, func(ctx context.Context) error {
			all, err := s.traces(ctx, name, "")
			spans := int64(0)
			for _, trace := range all {
				spans += int64(len(trace.Spans))
			}
			if err == nil && spans != a.Created {
				err = fmt.Errorf("%d spans in Jaeger, want %d", spans, a.Created)
			}
			return err
		})
		t.Logf("%s: %d spans in the ledger and in Jaeger", protocol, a.Created)
	}
}
