package exporters

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/otelmon/otelmon-go/internal/oteltest"
)

// backend is a carrier that answers by what is in the batch.
type backend struct {
	signal Signal
	judge  func(names []string) answer
	t      *testing.T

	taken    []string
	batches  map[string]string // content by batch ID
	requests int
}

func (b *backend) carry(_ context.Context, body []byte, batch, _ string) answer {
	b.requests++
	names := namesIn(decoded(b.t, b.signal, body))
	content := strings.Join(names, ",")
	if before, ok := b.batches[batch]; ok && before != content {
		b.t.Errorf("batch %s is %s and was %s", batch, content, before)
	}
	b.batches[batch] = content
	a := b.judge(names)
	if a.kind == kindDelivered {
		b.taken = append(b.taken, names...)
	}
	return a
}

func (*backend) close() {}

func toBackend(t *testing.T, signal Signal, judge func([]string) answer) (*sender, *backend) {
	t.Helper()
	b := &backend{signal: signal, judge: judge, t: t, batches: map[string]string{}}
	s := senderTo(t, Endpoint{}, signal)
	s.retire()
	s.current = &way{carrier: b}
	return s, b
}

func refusing(a answer, guilty ...string) func([]string) answer {
	return func(names []string) answer {
		if slices.ContainsFunc(names, func(n string) bool { return slices.Contains(guilty, n) }) {
			return a
		}
		return answer{kind: kindDelivered}
	}
}

// wantConserved checks that every item is in one place.
func wantConserved(t *testing.T, o outcome, items int) {
	t.Helper()
	if o.delivered+o.rejected+o.tooLarge+o.restItems != items || (o.rest == nil) != (o.restItems == 0) {
		t.Errorf("%d delivered, %d rejected, %d too large, %d left of %d", o.delivered, o.rejected, o.tooLarge, o.restItems, items)
	}
}

func TestOnlyTheGuiltyAreLost(t *testing.T) {
	bad := answer{kind: kindRefused, err: errors.New("400 Bad Request: not this one")}
	for signal := range Signal(signals) {
		for _, guilty := range [][]string{{}, {"0"}, {"99"}, {"41"}, {"3", "50"}} {
			s, b := toBackend(t, signal, refusing(bad, guilty...))
			o := s.deliver(t.Context(), requestOf(t, signal, 100), 100, "b", 0)
			wantConserved(t, o, 100)
			if o.rejected != len(guilty) || o.rest != nil || len(o.samples) != len(guilty) || o.last.kind != kindDelivered || o.last.after != 0 {
				t.Errorf("%s without %v: %+v", signal, guilty, o)
			}
			if (o.last.err != nil) != (len(guilty) > 0) {
				t.Errorf("told %v", o.last.err)
			}
			want := slices.DeleteFunc(numbers(0, 100), func(n string) bool { return slices.Contains(guilty, n) })
			if !slices.Equal(b.taken, want) {
				t.Errorf("%s: taken %v", signal, b.taken)
			}
			if limit := 1 + 15*len(guilty); b.requests > limit {
				t.Errorf("%d requests for %d guilty", b.requests, len(guilty))
			}
		}
	}
}

func TestOnlyTheLargeAreLost(t *testing.T) {
	s, _ := toBackend(t, Logs, refusing(answer{kind: kindRefused, tooLarge: true}, "7"))
	o := s.deliver(t.Context(), requestOf(t, Logs, 10), 10, "b", 0)
	wantConserved(t, o, 10)
	if o.tooLarge != 1 || o.delivered != 9 || o.samples[0].Reason != "too_large" {
		t.Errorf("%+v", o)
	}
}

// A limit of size cuts the batch until its parts fit.
func TestLargeBatchIsCut(t *testing.T) {
	s, b := toBackend(t, Traces, func(names []string) answer {
		if len(names) > 10 {
			return answer{kind: kindRefused, tooLarge: true}
		}
		return answer{kind: kindDelivered}
	})
	o := s.deliver(t.Context(), requestOf(t, Traces, 100), 100, "b", 0)
	if wantConserved(t, o, 100); o.delivered != 100 || b.requests > 32 || len(b.taken) != 100 {
		t.Errorf("%+v after %d requests", o, b.requests)
	}
}

// What the backend took before an outage is not sent again, and nothing is left
// out, wherever the outage begins.
func TestOutageInTheMiddle(t *testing.T) {
	bad, away := answer{kind: kindRefused}, answer{kind: kindRetry, after: 3 * time.Second, err: errors.New("away")}
	for _, kind := range []answerKind{kindRetry, kindHold} {
		for healthy := range 30 {
			var left int
			s, b := toBackend(t, Metrics, func(names []string) answer {
				if left--; left < 0 {
					a := away
					a.kind = kind
					return a
				}
				return refusing(bad, "5", "6", "40")(names)
			})
			body, items, batch, rejected := requestOf(t, Metrics, 64), 64, "b", 0
			for left = healthy; items > 0; left = 1000 {
				o := s.deliver(t.Context(), body, items, batch, 0)
				wantConserved(t, o, items)
				if o.rest != nil && (o.last.kind != kind || o.last.after != away.after || o.last.err == nil) {
					t.Fatalf("a rest with %+v", o.last)
				}
				body, items, batch, rejected = o.rest, o.restItems, o.restBatch, rejected+o.rejected
			}
			want := slices.DeleteFunc(numbers(0, 64), func(n string) bool { return slices.Contains([]string{"5", "6", "40"}, n) })
			if rejected != 3 || !slices.Equal(b.taken, want) {
				t.Errorf("outage after %d: %d rejected, taken %v", healthy, rejected, b.taken)
			}
		}
	}
}

// Many guilty items take more than one call, each of which gets on.
func TestBudgetIsKept(t *testing.T) {
	var guilty []string
	for i := 1; i < 200; i += 2 {
		guilty = append(guilty, fmt.Sprint(i))
	}
	s, b := toBackend(t, Traces, refusing(answer{kind: kindRefused}, guilty...))
	body, items, batch, rejected := requestOf(t, Traces, 200), 200, "b", 0
	for calls := 1; items > 0; calls++ {
		before := b.requests
		o := s.deliver(t.Context(), body, items, batch, 0)
		wantConserved(t, o, items)
		if b.requests-before > maxRequests || o.restItems >= items || o.rest != nil && o.last.kind != kindRefused || len(o.samples) > maxSamples {
			t.Fatalf("%d requests, %d of %d left, %+v", b.requests-before, o.restItems, items, o.last)
		}
		body, items, batch, rejected = o.rest, o.restItems, o.restBatch, rejected+o.rejected
	}
	if rejected != 100 || len(b.taken) != 100 {
		t.Errorf("%d rejected, %d taken", rejected, len(b.taken))
	}
}

// A backend that takes nothing is not asked about every item, and less and less
// often.
func TestBackendThatTakesNothing(t *testing.T) {
	s, b := toBackend(t, Traces, func([]string) answer { return answer{kind: kindRefused, err: errors.New("no")} })
	body := requestOf(t, Traces, 512)
	for _, pause := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second, maxPause, maxPause} {
		before := b.requests
		o := s.deliver(t.Context(), body, 512, "b", 0)
		wantConserved(t, o, 512)
		if n := b.requests - before; o.rejected != 512 || n > 22 || len(o.samples) == 0 || o.last.after != pause {
			t.Errorf("%d requests, %d rejected, pause %s, want %s", n, o.rejected, o.last.after, pause)
		}
	}
	b.judge = refusing(answer{kind: kindRefused}, "0") // the worst place
	if o := s.deliver(t.Context(), body, 512, "c", 0); o.rejected != 1 || o.last.after != 0 {
		t.Errorf("after it recovered: %+v", o)
	}
	b.judge = refusing(answer{kind: kindRefused}, numbers(0, 4)...)
	if o := s.deliver(t.Context(), requestOf(t, Traces, 4), 4, "d", 0); o.last.after != time.Second {
		t.Errorf("the pause begins at %s", o.last.after)
	}
}

// An internal error is an outage until it lasts, and then only a backend that
// takes the other items proves one guilty.
func TestInternalErrors(t *testing.T) {
	broken := answer{suspect: true, err: errors.New("500 Internal Server Error")}
	for _, guilty := range []string{"0", "1", "50", "99"} {
		s, b := toBackend(t, Logs, refusing(broken, guilty))
		body := requestOf(t, Logs, 100)
		if o := s.deliver(t.Context(), body, 100, "b", patience-1); b.requests != 1 || o.restItems != 100 || o.last.kind != kindRetry {
			t.Errorf("too early: %+v", o)
		}
		if o := s.deliver(t.Context(), body, 100, "b", patience); o.rejected != 1 || o.delivered != 99 || o.rest != nil {
			t.Errorf("without %s: %+v", guilty, o)
		}
	}
	for items, answers := range map[int]func([]string) answer{
		100: func([]string) answer { return broken },
		1:   func([]string) answer { return broken },
		2: func(names []string) answer { // one of each kind, and no witness
			if slices.Contains(names, "0") {
				return broken
			}
			return answer{kind: kindRefused}
		},
	} {
		s, b := toBackend(t, Logs, answers)
		o := s.deliver(t.Context(), requestOf(t, Logs, items), items, "b", 100)
		if wantConserved(t, o, items); o.restItems != items || o.last.kind != kindRetry || b.requests > 22 {
			t.Errorf("%d items without a witness: %+v after %d requests", items, o, b.requests)
		}
	}
}

func TestPartialSuccessIsCounted(t *testing.T) {
	for said, want := range map[int64]int{3: 3, 99: 10, 0: 0} {
		s, _ := toBackend(t, Traces, func([]string) answer { return answer{kind: kindDelivered, rejected: said} })
		o := s.deliver(t.Context(), requestOf(t, Traces, 10), 10, "b", 0)
		if wantConserved(t, o, 10); o.rejected != want {
			t.Errorf("%d said, %d rejected", said, o.rejected)
		}
	}
}

// A refused body that is no OTLP, or not what was counted, is rejected whole.
func TestUnreadableBatchIsRejected(t *testing.T) {
	for _, body := range [][]byte{{0xff}, nil, requestOf(t, Traces, 3)} {
		r := receiver(t, oteltest.Options{})
		r.Fail(oteltest.Fault{Status: 400})
		s := senderTo(t, Endpoint{URL: r.HTTPURL()}, Traces)
		o := s.deliver(t.Context(), body, 5, "b", 0)
		if wantConserved(t, o, 5); o.rejected != 5 || len(o.samples) != 1 || len(r.Requests()) != 1 {
			t.Errorf("%d requests: %+v", len(r.Requests()), o)
		}
	}
}

// The same over the wire, where what is refused is a text in one item.
func TestPoisonOverTheWire(t *testing.T) {
	r := receiver(t, oteltest.Options{})
	r.Fail(oteltest.Fault{Status: 400, Code: codes.InvalidArgument, Message: "bad 13", Only: func(q oteltest.Request) bool {
		return slices.Contains(namesIn(q), "13")
	}})
	for name, e := range both(r) {
		t.Run(name, func(t *testing.T) {
			for signal := range Signal(signals) {
				before := len(arrived(r))
				o := senderTo(t, e, signal).deliver(t.Context(), requestOf(t, signal, 30), 30, "b", 0)
				if wantConserved(t, o, 30); o.rejected != 1 || o.last.err == nil || !strings.Contains(string(o.samples[0].Record), "13") {
					t.Errorf("%s: %+v", signal, o)
				}
				if got := arrived(r)[before:]; len(got) != 29 || slices.Contains(got, "13") {
					t.Errorf("%s: %v", signal, got)
				}
			}
		})
	}
}

// A limit of bytes, as proxies and servers of gRPC have it.
func TestSizeLimitOverTheWire(t *testing.T) {
	r := receiver(t, oteltest.Options{})
	r.Fail(oteltest.Fault{Status: 413, Code: codes.ResourceExhausted, Message: "message larger than max", Only: func(q oteltest.Request) bool { return q.Size > 500 }})
	for name, e := range both(r) {
		t.Run(name, func(t *testing.T) {
			before := len(arrived(r))
			o := senderTo(t, e, Traces).deliver(t.Context(), requestOf(t, Traces, 100), 100, "b", 0)
			if wantConserved(t, o, 100); o.delivered != 100 || len(arrived(r))-before != 100 {
				t.Errorf("%+v, %d arrived", o, len(arrived(r))-before)
			}
		})
	}
}
