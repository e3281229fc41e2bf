package exporters_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"google.golang.org/grpc/codes"

	"github.com/otelmon/otelmon-go/exporters"
	"github.com/otelmon/otelmon-go/internal/oteltest"
)

// A receiver that ends again and again under load misses nothing.
func TestReceiverRestartsUnderLoad(t *testing.T) {
	t.Parallel()
	restarts := 20
	if testing.Short() {
		restarts = 3
	}
	for protocol, dir := range map[string]string{"http": "", "grpc": "spool"} {
		t.Run(protocol+" "+dir, func(t *testing.T) {
			t.Parallel()
			at := listening(t)
			first, err := oteltest.Start(at)
			if err != nil {
				t.Fatal(err)
			}
			o := to(endpoints(first)[protocol])
			if dir != "" {
				o.Dir = filepath.Join(t.TempDir(), dir)
			}
			s := newSource(t, o)
			rs := []*oteltest.Receiver{first}
			made := 0
			for range restarts {
				var load sync.WaitGroup
				for range 3 {
					from := made
					made += 20
					load.Go(func() {
						s.items(from, from+20, 0)
						_ = s.box.Flush(t.Context()) // may meet the end
					})
				}
				r := rs[len(rs)-1]
				if err := r.Wait(t.Context(), func(r *oteltest.Receiver) bool { return len(r.Requests()) > 1 }); err != nil {
					t.Fatal(err)
				}
				r.Close()
				load.Wait()
				next, err := oteltest.Start(at)
				if err != nil {
					t.Fatal(err)
				}
				rs = append(rs, next)
			}
			defer rs[len(rs)-1].Close()
			if err := errors.Join(s.box.Flush(t.Context()), s.close(t.Context())); err != nil {
				t.Logf("close: %v", err)
			}
			again := s.balance(t, made, rs...)
			for _, signal := range everySignal {
				if a := account(t, s.box, signal); a.Delivered != int64(made) {
					t.Errorf("%s", a)
				}
			}
			t.Logf("%d arrived again", again)
			once(t, rs)
		})
	}
}

// once checks that a receiver which drops the batches that it knows has every
// item once.
func once(t *testing.T, rs []*oteltest.Receiver) {
	t.Helper()
	batches, items := map[string]bool{}, map[string]bool{}
	for _, r := range rs {
		for _, q := range r.Requests() {
			batch := q.Header.Get("Otelmon-Batch-Id")
			if q.Traces == nil || batches[batch] {
				continue
			}
			batches[batch] = true
			for _, resource := range q.Traces.GetResourceSpans() {
				for _, scope := range resource.GetScopeSpans() {
					for _, span := range scope.GetSpans() {
						if items[span.GetName()] {
							t.Errorf("%s is in two batches, the second is %s", span.GetName(), batch)
						}
						items[span.GetName()] = true
					}
				}
			}
		}
	}
}

// Tokens and certificates that are exchanged while telemetry flows cost none.
func TestRotationCostsNothing(t *testing.T) {
	t.Parallel()
	for _, protocol := range []string{"http", "grpc"} {
		t.Run("token "+protocol, func(t *testing.T) {
			t.Parallel()
			r, file := start(t, oteltest.Options{}), filepath.Join(t.TempDir(), "token")
			var mu sync.Mutex
			right := ""
			r.Fail(oteltest.Fault{Status: 401, Code: codes.Unauthenticated, Only: func(q oteltest.Request) bool {
				mu.Lock()
				defer mu.Unlock()
				return q.Header.Get("Authorization") != "Bearer "+right
			}})
			write := func(token string) {
				if err := os.WriteFile(file, []byte(token), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			write("first")
			e := endpoints(r)[protocol]
			e.TokenFile = file
			s := newSource(t, to(e))
			for i := range 10 {
				mu.Lock()
				right = fmt.Sprint("token-", i)
				mu.Unlock()
				s.items(20*i, 20*i+10, 0)
				if err := s.box.Flush(t.Context()); err == nil {
					t.Error("the old token is taken")
				}
				write(right)
				s.items(20*i+10, 20*i+20, 0)
				for range 3 { // an attempt may have begun before
					if err := s.box.Flush(t.Context()); err == nil {
						break
					}
				}
			}
			if err := s.close(t.Context()); err != nil {
				t.Error(err)
			}
			if again := s.balance(t, 200, r); again != 0 {
				t.Errorf("%d arrived again", again)
			}
		})
		t.Run("certificate "+protocol, func(t *testing.T) {
			t.Parallel()
			at, dir := listening(t), t.TempDir()
			first, err := oteltest.NewAuthority(dir)
			if err != nil {
				t.Fatal(err)
			}
			at.TLS = first.MutualServer()
			r, err := oteltest.Start(at)
			if err != nil {
				t.Fatal(err)
			}
			e := endpoints(r)[protocol]
			e.CertificateFile, e.ClientCertificateFile, e.ClientKeyFile = first.CAFile, first.ClientCertFile, first.ClientKeyFile
			s := newSource(t, to(e))
			rs := []*oteltest.Receiver{r}
			for i := range 5 {
				s.items(20*i, 20*i+10, 0)
				if err := s.box.Flush(t.Context()); err != nil {
					t.Errorf("round %d: %v", i, err)
				}
				rs[i].Close()
				next, err := oteltest.NewAuthority(dir) // into the same files
				if err != nil {
					t.Fatal(err)
				}
				at.TLS = next.MutualServer()
				r, err := oteltest.Start(at)
				if err != nil {
					t.Fatal(err)
				}
				rs = append(rs, r)
				s.items(20*i+10, 20*i+20, 0)
				for range 3 { // the first finds out
					if err := s.box.Flush(t.Context()); err == nil {
						break
					}
				}
			}
			if err := s.close(t.Context()); err != nil {
				t.Error(err)
			}
			rs[5].Close()
			if again := s.balance(t, 100, rs...); again != 0 {
				t.Errorf("%d arrived again", again)
			}
		})
	}
}

// Two outboxes behind one provider, in two directories, have books of their own.
func TestTwoOutboxes(t *testing.T) {
	t.Parallel()
	near, away := start(t, oteltest.Options{}), listening(t)
	var boxes []*source
	for _, url := range []string{near.HTTPURL(), "http://" + away.HTTPAddr} {
		o := to(exporters.Endpoint{URL: url})
		o.Dir = filepath.Join(t.TempDir(), "spool")
		boxes = append(boxes, newSource(t, o))
	}
	both := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(boxes[0].box.SpanProcessor()), sdktrace.WithSpanProcessor(boxes[1].box.SpanProcessor()))
	for i := range 100 {
		_, span := both.Tracer("t").Start(t.Context(), fmt.Sprint(i))
		span.End()
	}
	if err := both.ForceFlush(t.Context()); err == nil {
		t.Error("away is not there")
	}
	if a := account(t, boxes[0].box, exporters.Traces); a.Delivered != 100 {
		t.Errorf("near: %s", a)
	}
	if a := account(t, boxes[1].box, exporters.Traces); a.Pending != 100 {
		t.Errorf("away: %s", a)
	}
	r := start(t, away)
	for _, s := range boxes {
		if err := s.close(t.Context()); err != nil {
			t.Error(err)
		}
	}
	for i, r := range []*oteltest.Receiver{near, r} {
		if a := account(t, boxes[i].box, exporters.Traces); len(received(exporters.Traces, r)) != 100 || a.Delivered != 100 {
			t.Errorf("outbox %d: %s", i, a)
		}
	}
}
