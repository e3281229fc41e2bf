package exporters_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/otelmon/otelmon-go/exporters"
	"github.com/otelmon/otelmon-go/internal/keys"
	"github.com/otelmon/otelmon-go/internal/oteltest"
)

// victimOf is the variable that makes the test's binary a process to be killed.
// It holds the directory, the receiver, whether each span is written, and a name
// for the process.
const victimOf = "OTELMON_TEST_VICTIM"

// victim ends spans until it is killed, and tells which: b when one is about to
// end and e when it has; o when an operation has begun, which never ends.
func victim(what string) {
	fields := strings.Split(what, ",")
	o := to(exporters.Endpoint{URL: fields[1]})
	o.Dir, o.EachSpan = fields[0], fields[2] == "true"
	o.Spans = exporters.Batching{Largest: 16, Delay: 2 * time.Millisecond}
	o.Report = func(error) {}
	box, err := exporters.Open(context.Background(), o)
	if err != nil {
		fmt.Println("!", err)
		return
	}
	tracer := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(box.SpanProcessor())).Tracer("test")
	operation := "job " + fields[3]
	_, running := tracer.Start(context.Background(), keys.SpanBulk+" "+operation, trace.WithAttributes(attribute.String(keys.BulkOperationID, operation)))
	defer running.End()
	fmt.Println("o", operation)
	for i := 0; ; i++ {
		name := fmt.Sprintf("%s-%d", fields[3], i)
		_, span := tracer.Start(context.Background(), name)
		fmt.Println("b", name)
		span.End()
		fmt.Println("e", name)
	}
}

// truth is what victims have told.
type truth struct{ begun, ended, operations map[string]bool }

// kill runs a victim and kills it after some lines.
func (tr *truth) kill(t *testing.T, what string, lines int) {
	t.Helper()
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), victimOf+"="+what)
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	for scan := bufio.NewScanner(out); scan.Scan(); lines-- {
		switch kind, name, _ := strings.Cut(scan.Text(), " "); kind {
		case "b":
			tr.begun[name] = true
		case "e":
			tr.ended[name] = true
		case "o":
			tr.operations[name] = true
		default:
			t.Errorf("the victim says %q", scan.Text())
		}
		if lines == 0 {
			if err := command.Process.Kill(); err != nil {
				t.Error(err)
			}
		}
	}
	if _, ok := errors.AsType[*exec.ExitError](command.Wait()); !ok {
		t.Error("the victim ended by itself")
	}
}

// A process that is killed again and again, also while it delivers what the one
// before has left, loses what was in its queue, and the number is told; with
// EachSpan it loses nothing that has ended. Operations that were running are told.
func TestKilledAgainAndAgain(t *testing.T) {
	t.Parallel()
	for _, each := range []bool{false, true} {
		t.Run(fmt.Sprint("each span ", each), func(t *testing.T) {
			t.Parallel()
			kills := 50
			if testing.Short() {
				kills = 5
			}
			r, dir := start(t, oteltest.Options{}), filepath.Join(t.TempDir(), "spool")
			tr := &truth{map[string]bool{}, map[string]bool{}, map[string]bool{}}
			for i := range kills {
				if r.Heal(); i%3 == 0 {
					r.Fail(oteltest.Fault{Status: 503})
				}
				tr.kill(t, fmt.Sprintf("%s,%s,%t,%d", dir, r.HTTPURL(), each, i), rand.IntN(200))
			}
			r.Heal()
			o := to(exporters.Endpoint{URL: r.HTTPURL()})
			o.Dir = dir
			s := newSource(t, o)
			if err := s.tracers.ForceFlush(t.Context()); err != nil {
				t.Error(err)
			}
			if err := s.close(t.Context()); err != nil && each {
				t.Error(err)
			}
			if lost := tr.check(t, r, account(t, s.box, exporters.Traces)); each && lost != 0 {
				t.Errorf("%d spans lost that had ended", lost)
			}
		})
	}
}

// check returns how many spans are lost that had ended.
func (tr *truth) check(t *testing.T, r *oteltest.Receiver, a exporters.Account) (lost int64) {
	t.Helper()
	spans, jobs, again := map[string]int{}, map[string]int{}, int64(0)
	for _, span := range r.Spans() {
		if job, ok := strings.CutPrefix(span.GetName(), keys.SpanBulk+" "); ok {
			jobs[job]++
			if text(span.GetAttributes(), keys.BulkOperationResult) != "interrupted" {
				t.Errorf("%s was not interrupted", job)
			}
			continue
		}
		spans[span.GetName()]++
	}
	for job := range tr.operations {
		if jobs[job] == 0 {
			t.Errorf("nobody is told of %s", job)
		}
		again += int64(max(jobs[job]-1, 0))
	}
	for name := range spans {
		if !tr.begun[name] {
			t.Errorf("%s was never made", name)
		}
	}
	for name := range tr.ended {
		if spans[name] == 0 {
			lost++
		}
	}
	// Whether a span that was just ending counts, only its process knows.
	told, most := a.Dropped["crashed"], int64(len(tr.begun)-len(spans))
	if told < lost || told > most || a.Lost() != told || a.Pending != 0 {
		t.Errorf("%d to %d spans lost; %s", lost, most, a)
	}
	// An operation may be told twice.
	if beyond := a.Delivered - int64(len(spans)+len(jobs)); beyond < 0 || beyond > again {
		t.Errorf("%d spans and %d operations arrived, %d again; %s", len(spans), len(jobs), again, a)
	}
	return lost
}
