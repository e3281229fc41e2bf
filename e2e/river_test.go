//go:build unix

package e2e

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/pmetric"
)

const (
	river            = "river"
	riverCoordinator = "river-coordinate"
	riverWorker      = "river-work"
	riverRows        = 60_000
	riverBad         = riverRows / 1000
	riverParts       = 30
	riverLimit       = time.Minute
)

// rivers are the processes of one operation, and their database.
type rivers struct {
	*stack
	pg *postgres
}

func startRivers(t *testing.T) rivers {
	t.Helper()
	return rivers{startStack(t), startPostgres(t)}
}

// start starts a process that its telemetry calls by the given instance. Flags
// beat those of the other tests.
func (r rivers) start(t *testing.T, command, name, instance string, flags ...string) *process {
	t.Helper()
	env := append(otlp("grpc", r.grpc), "OTEL_RESOURCE_ATTRIBUTES=instance="+instance)
	return start(t, river, env, slices.Concat([]string{
		"-postgres", r.pg.url(), "-name", name, "-rescue", "8s", "-rows", strconv.Itoa(riverRows), "-parts", strconv.Itoa(riverParts),
	}, flags, []string{command})...)
}

// awaitNumber returns when the statement gives the number.
func (r rivers) awaitNumber(t *testing.T, p *process, want int, statement string) {
	t.Helper()
	await(t, riverLimit, p.ended, func(context.Context) error {
		if n := r.pg.number(t, statement); n != want {
			return fmt.Errorf("%d, want %d: %s", n, want, statement)
		}
		return nil
	})
}

// block holds rows in the middle of the partitions 11, 12 and 13 until released.
func (r rivers) block(t *testing.T) (release func()) {
	t.Helper()
	const each = riverRows / riverParts
	at := 10*each + each/2 + 1 // which has a slug
	p := run(t, r.pg.psql(t, "BEGIN",
		fmt.Sprintf("SELECT FROM documents WHERE id IN (%d, %d, %d) FOR UPDATE", at, at+each, at+2*each), "SELECT pg_sleep(600)"))
	r.awaitNumber(t, p, 1, "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'")
	return func() {
		t.Helper()
		if err := r.pg.execute(t, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"); err != nil {
			t.Fatal(err)
		}
		p.wait(t, riverLimit)
	}
}

// committed is the number of rows that a worker has done.
func (r rivers) committed(t *testing.T, name string) int {
	t.Helper()
	return r.pg.number(t, "SELECT coalesce(sum(ok + failed), 0) FROM backfill_parts WHERE worker = '"+name+"'")
}

// counted is what the metrics say that processes have done, by outcome: of one
// instance, or of all if none is named.
func (r rivers) counted(service, instance string) map[string]int64 {
	type series struct{ instance, outcome string }
	last := make(map[series]int64)
	for _, m := range r.metricsOf(service) {
		if m.Name() != "bulk.items" || m.Type() != pmetric.MetricTypeSum || instance != "" && m.resource["instance"] != instance {
			continue
		}
		for _, p := range m.Sum().DataPoints().All() {
			key := series{fmt.Sprint(m.resource["instance"]), text(p.Attributes(), "bulk.item.outcome")}
			last[key] = max(last[key], p.IntValue())
		}
	}
	all := make(map[string]int64)
	for s, n := range last {
		all[s.outcome] += n
	}
	return all
}

// exact checks that the table has each row done once, and the coordinator tells
// just that.
func (r rivers) exact(t *testing.T, coordinator *process) {
	t.Helper()
	coordinator.wait(t, riverLimit)
	if code := coordinator.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	printed(t, coordinator.output.String(), fmt.Sprintf("%d of %[1]d rows: %d written, %d failed", riverRows, riverRows-riverBad, riverBad),
		fmt.Sprintf("%d of %[1]d partitions", riverParts))
	for statement, want := range map[string]int{
		"SELECT count(*) FROM documents":                                                                               riverRows,
		"SELECT count(*) FROM documents WHERE revision <> (title <> '???')::int":                                       0,
		"SELECT count(*) FROM documents WHERE slug = 'smith-sons-report-no-' || id":                                    riverRows - riverBad,
		"SELECT count(*) FROM river_job WHERE state <> 'completed'":                                                    0,
		"SELECT sum(ok + failed) FROM backfill_parts":                                                                  riverRows,
		"SELECT count(DISTINCT operation) FROM backfill_parts JOIN backfills USING(operation) WHERE ended IS NOT NULL": 1,
	} {
		if n := r.pg.number(t, statement); n != want {
			t.Errorf("%d, want %d: %s", n, want, statement)
		}
	}
}

// end ends workers once they have told of their part.
func end(t *testing.T, workers ...*process) {
	t.Helper()
	for _, w := range workers {
		await(t, riverLimit, w.ended, func(context.Context) error {
			if out := w.output.String(); !strings.Contains(out, ", completed: ") {
				return fmt.Errorf("no part has ended:\n%s", out)
			}
			return nil
		})
		w.terminate(t, shutdownLimit)
		if code := w.cmd.ProcessState.ExitCode(); code != 0 {
			t.Errorf("exit code %d of a worker:\n%s", code, w.output.String())
		}
	}
}

// TestRiver: of three workers one is killed in the middle of a partition, and a
// job that is done is given out again. The operation is one, and counts each row
// once.
func TestRiver(t *testing.T) {
	r := startRivers(t)
	coordinator := r.start(t, "coordinate", "coordinator", "coordinator")
	r.awaitNumber(t, coordinator, riverParts, "SELECT count(*) FROM river_job WHERE state = 'available'")
	release := r.block(t)
	workers := make(map[string]*process)
	for _, name := range []string{"a", "b", "c"} {
		workers[name] = r.start(t, "work", name, name)
	}
	r.awaitNumber(t, coordinator, 3, "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
	r.awaitNumber(t, coordinator, 1, "SELECT count(*) FROM river_leader")

	victim := r.victim(t, workers)
	done := r.committed(t, victim)
	r.await(t, riverLimit, func() error { // what was not exported when it is killed would be missing
		if c := r.counted(riverWorker, victim); int(c["ok"]+c["failed"]) != done {
			return fmt.Errorf("worker %s has counted %v, want %d", victim, c, done)
		}
		return nil
	})
	if err := workers[victim].cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-workers[victim].ended
	if err := r.pg.execute(t, "UPDATE river_job SET state = 'available', finalized_at = NULL WHERE args->>'part' = '1'"); err != nil {
		t.Fatal(err)
	}
	workers[victim] = r.start(t, "work", victim, victim+" again")
	r.awaitNumber(t, coordinator, riverParts-3, "SELECT count(*) FROM backfill_parts") // the others are blocked
	release()

	r.exact(t, coordinator)
	if r.pg.number(t, "SELECT count(*) FROM backfill_parts WHERE attempt > 1") < 1 {
		t.Error("the partition of the killed worker was not given to another")
	}
	end(t, workers["a"], workers["b"], workers["c"])
	r.stop(t)
	r.checkTraces(t, done)
	if c := r.counted(riverWorker, ""); c["ok"] != riverRows-riverBad || c["failed"] != riverBad {
		t.Errorf("the workers have counted %v, want %d rows of which %d failed", c, riverRows, riverBad)
	}
	if c := r.counted(riverCoordinator, ""); c["ok"]+c["failed"] != 0 {
		t.Errorf("the coordinator has counted %v, which are not its own", c)
	}
	t.Logf("the coordinator:\n%s", coordinator.output.String())
}

// victim is the worker that has done most, the leader of River's clients aside:
// without that River finds out later that a worker is gone.
func (r rivers) victim(t *testing.T, workers map[string]*process) (victim string) {
	t.Helper()
	most := -1
	for name := range workers {
		leads := r.pg.number(t, "SELECT count(*) FROM river_leader WHERE leader_id LIKE '"+name+"-%'")
		if n := r.committed(t, name); leads == 0 && n > most {
			victim, most = name, n
		}
	}
	return victim
}

// checkTraces checks the operation and the parts of those that were not killed.
func (r rivers) checkTraces(t *testing.T, before int) {
	t.Helper()
	roots := filter(r.spansOf(riverCoordinator), isOperation)
	if len(roots) != 1 {
		t.Fatalf("%d operations, want one", len(roots))
	}
	root := roots[0].Attributes()
	if text(root, "bulk.operation.result") != "completed" || text(root, "bulk.items.ok") != strconv.Itoa(riverRows-riverBad) ||
		text(root, "bulk.items.failed") != strconv.Itoa(riverBad) {
		t.Errorf("the operation is %v", root.AsRaw())
	}
	parts := filter(r.spansOf(riverWorker), isOperation)
	if len(parts) != 3 {
		t.Errorf("%d parts of workers, want 3", len(parts))
	}
	items := before
	for _, part := range parts {
		ok, _ := part.Attributes().Get("bulk.items.ok")
		failed, _ := part.Attributes().Get("bulk.items.failed")
		items += int(ok.Int() + failed.Int())
		if part.TraceID() == roots[0].TraceID() || part.Links().Len() != 1 {
			t.Fatalf("a part has %d links, or no trace of its own", part.Links().Len())
		}
		link := part.Links().At(0)
		if link.TraceID() != roots[0].TraceID() || link.SpanID() != roots[0].SpanID() {
			t.Error("a part is linked to something else than the operation")
		}
		if id := text(link.Attributes(), "bulk.operation.id"); id == "" || id != text(root, "bulk.operation.id") {
			t.Errorf("a part names the operation %q, want %q", id, text(root, "bulk.operation.id"))
		}
	}
	if items != riverRows {
		t.Errorf("%d rows in the parts, with the killed one's, want %d", items, riverRows)
	}
}

// TestRiverCoordinatorKilled: the workers do not need it, and one that is started
// again goes on in the same trace.
func TestRiverCoordinatorKilled(t *testing.T) {
	r := startRivers(t)
	first := r.start(t, "coordinate", "coordinator", "first")
	r.awaitNumber(t, first, riverParts, "SELECT count(*) FROM river_job WHERE state = 'available'")
	var began span
	r.await(t, riverLimit, func() error {
		var ok bool
		if began, ok = find(r.spansOf(riverCoordinator), func(s span) bool { return s.Name() == "bulk.started" }); !ok {
			return fmt.Errorf("no span bulk.started has arrived")
		}
		return nil
	})
	if err := first.cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-first.ended
	worker := r.start(t, "work", "a", "a")
	r.awaitNumber(t, worker, riverParts, "SELECT count(*) FROM backfill_parts")
	second := r.start(t, "coordinate", "coordinator", "second")
	r.exact(t, second)
	printed(t, second.output.String(), "going on with operation ")
	end(t, worker)
	r.stop(t)

	operation, ok := find(r.spansOf(riverCoordinator), func(s span) bool { return s.Name() == "bulk backfill.slugs" })
	part, ok2 := find(r.spansOf(riverWorker), isOperation)
	if !ok || !ok2 || part.Links().Len() != 1 {
		t.Fatalf("operation %t, part %t with a link to it", ok, ok2)
	}
	if operation.TraceID() != began.TraceID() || operation.ParentSpanID() != began.ParentSpanID() {
		t.Errorf("the operation goes on in the trace %s, want %s", operation.TraceID(), began.TraceID())
	}
	if link := part.Links().At(0); link.TraceID() != began.TraceID() || link.SpanID() != began.ParentSpanID() {
		t.Errorf("the part is linked to the trace %s, want %s", link.TraceID(), began.TraceID())
	}
}
