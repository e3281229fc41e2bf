package e2e

import (
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/otelmon/otelmon-go/internal/loopback"
)

// shutdownLimit is the shutdown deadline of the examples (5 s), and what a busy
// machine may need to end a process.
const shutdownLimit = 5*time.Second + 3*time.Second

// TestShutdownWithoutBackend: a backend that is gone, or that takes connections
// and never answers, holds no program up beyond its deadline.
func TestShutdownWithoutBackend(t *testing.T) {
	backends := map[string]string{"dead": loopback.Addr(t), "hanging": hangingAddr(t)}
	for backend, addr := range backends {
		for _, protocol := range []string{"grpc", "http/protobuf"} {
			t.Run(backend+" "+protocol, func(t *testing.T) {
				listen := loopback.Addr(t)
				p := start(t, quickstart, otlp(protocol, "http://"+addr), "-addr", listen)
				awaitAnswer(t, "http://"+listen+"/readyz", "", p.ended)
				took := p.terminate(t, shutdownLimit)
				t.Logf("ended after %v", took)
			})
		}
	}
}

// hangingAddr takes connections, reads nothing and answers nothing.
func hangingAddr(t *testing.T) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		var held []net.Conn
		defer func() {
			for _, c := range held {
				_ = c.Close()
			}
		}()
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			held = append(held, c)
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-done
	})
	return l.Addr().String()
}

// TestTerminateFlushes: with export intervals of an hour, what a program
// recorded arrives because SIGTERM flushes.
func TestTerminateFlushes(t *testing.T) {
	for _, protocol := range []string{"grpc", "http/protobuf"} {
		t.Run(protocol, func(t *testing.T) {
			s := startStack(t)
			listen := loopback.Addr(t)
			env := append(otlp(protocol, protocols(s)[protocol]),
				"OTEL_METRIC_EXPORT_INTERVAL=3600000", "OTEL_BSP_SCHEDULE_DELAY=3600000", "OTEL_BLRP_SCHEDULE_DELAY=3600000")
			p := start(t, quickstart, env, "-addr", listen)
			awaitAnswer(t, "http://"+listen+"/readyz?verbose", "[+]memory ok", p.ended) // which was logged
			awaitAnswer(t, "http://"+listen+"/hello/you", "Hello, you!", p.ended)
			p.terminate(t, shutdownLimit)
			s.stop(t)
			if code := p.cmd.ProcessState.ExitCode(); code != 0 {
				t.Errorf("exit code %d", code)
			}
			if len(s.spansOf(quickstart)) == 0 || len(s.metricsOf(quickstart)) == 0 || len(s.logsOf(quickstart)) == 0 {
				t.Errorf("%d spans, %d metrics, %d log records arrived",
					len(s.spansOf(quickstart)), len(s.metricsOf(quickstart)), len(s.logsOf(quickstart)))
			}
		})
	}
}

// TestTerminateAmidOperation: a long operation is seen while it runs, by spans
// of its segments, and when cut short it says so before the process ends.
func TestTerminateAmidOperation(t *testing.T) {
	for _, protocol := range []string{"grpc", "http/protobuf"} {
		t.Run(protocol, func(t *testing.T) {
			s := startStack(t)
			// The module cache keeps the program busy for longer than the first
			// segment, 10 s.
			p := start(t, codesearch, otlp(protocol, protocols(s)[protocol]), "-addr", loopback.Addr(t), "-root", goEnv(t, "GOMODCACHE"))
			s.await(t, time.Minute, s.segment)
			if _, ended := find(s.spansOf(codesearch), isOperation); ended {
				t.Error("the operation had ended when its first segment arrived")
			}
			p.terminate(t, shutdownLimit)
			s.stop(t)
			checkCanceled(t, s)
		})
	}
}

// segment says what is missing of an operation that is seen to run.
func (s *stack) segment() error {
	for _, name := range []string{"bulk.started", "bulk.segment"} {
		if _, ok := find(s.spansOf(codesearch), func(sp span) bool { return sp.Name() == name }); !ok {
			return fmt.Errorf("no span %s has arrived", name)
		}
	}
	return nil
}

func checkCanceled(t *testing.T, s *stack) {
	t.Helper()
	root, ok := find(s.spansOf(codesearch), isOperation)
	if !ok {
		t.Fatal("the span of the operation is lost")
	}
	if result, _ := root.Attributes().Get("bulk.operation.result"); result.AsString() != "canceled" {
		t.Errorf("the operation is %q, want canceled", result.AsString())
	}
	for _, sp := range s.spansOf(codesearch) {
		if sp.Name() == "bulk.segment" && (sp.ParentSpanID() != root.SpanID() || sp.TraceID() != root.TraceID()) {
			t.Error("a segment hangs under another span than its operation")
		}
	}
	if _, ok := find(s.logsOf(codesearch), func(r logRecord) bool { return r.EventName() == "bulk.operation.finished" }); !ok {
		t.Error("no event bulk.operation.finished")
	}
}
