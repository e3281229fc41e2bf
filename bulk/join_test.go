package bulk

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/propagation"

	"github.com/otelmon/otelmon-go/internal/keys"
)

var carrier = propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{})

func TestWorkersOfOtherProcessesAddUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, remote := newProbe(), newProbe()
		_, op := Start(t.Context(), "reindex", Total(100), p.Providers)
		message := propagation.MapCarrier{}
		carrier.Inject(op.Invite(t.Context()), message)
		op.Add(5)

		var sent [][]byte // in the order in which they were made
		work := func(worker string, items int) {
			ctx := carrier.Extract(t.Context(), message)
			_, part := Join(ctx, "reindex", worker, remote.Providers)
			for i := range items {
				if i%10 == 3 {
					part.Fail(errors.New("no name"))
				} else {
					part.OK()
				}
				part.Bytes(2)
				text, err := json.Marshal(part.Share())
				if err != nil {
					t.Fatal(err)
				}
				sent = append(sent, text)
				wait(time.Second)
			}
			part.End(nil)
		}
		work("a", 20)
		work("a", 10) // started again
		work("b", 30)

		for _, order := range []int{1, -1, 1} { // in order, backwards, and all once more
			for i := range sent {
				if order < 0 {
					i = len(sent) - 1 - i
				}
				var s Share
				if err := errors.Join(json.Unmarshal(sent[i], &s), op.Merge(s)); err != nil {
					t.Fatal(err)
				}
			}
			if got := op.Snapshot(); got.OK != 5+54 || got.Failed != 6 || got.Bytes != 120 {
				t.Fatalf("%d ok, %d failed, %d bytes; want 59, 6 and 120", got.OK, got.Failed, got.Bytes)
			}
		}
		if got := op.Snapshot().Progress(); got != 0.65 {
			t.Errorf("progress = %v, want 0.65", got)
		}
		for m, want := range map[*probe]float64{p: 5, remote: 54} {
			if got := m.collect(t)["bulk.items{bulk.item.outcome=ok,bulk.operation.name=reindex}"]; got != want {
				t.Errorf("bulk.items of a process = %v, want its own %v", got, want)
			}
		}

		_, again := Start(t.Context(), "reindex", p.Providers) // this process starts anew
		for _, s := range op.Shares() {
			s.Operation = again.Snapshot().ID
			if err := again.Merge(s); err != nil {
				t.Fatal(err)
			}
		}
		if got := again.Snapshot(); got.Items() != 60 {
			t.Errorf("%d items after a restart, want 60", got.Items())
		}
		again.End(nil)
		op.End(nil)
		if got := p.collect(t)["bulk.items{bulk.item.outcome=ok,bulk.operation.name=reindex}"]; got != 5 {
			t.Errorf("bulk.items after the end = %v, want 5", got)
		}
		root := p.root2(t, op)
		for _, part := range remote.ended("bulk reindex") {
			if part.Parent().IsValid() || len(part.Links()) != 1 || part.Links()[0].SpanContext.SpanID() != root {
				t.Errorf("a part has parent %v and links %v, want none and one to the operation", part.Parent().SpanID(), part.Links())
			}
		}
	})
}

// root2 is the span id of one of several operations of a name.
func (p *probe) root2(t *testing.T, op *Operation) (id [8]byte) {
	t.Helper()
	for _, s := range p.ended(keys.SpanBulk + " " + op.name) {
		if attr(s.Attributes(), keys.BulkOperationID) == op.id {
			return s.SpanContext().SpanID()
		}
	}
	t.Fatal("the operation's span has not ended")
	return id
}

func TestMergeRefuses(t *testing.T) {
	_, op := Start(t.Context(), "op")
	defer op.End(nil)
	id := op.Snapshot().ID
	for name, s := range map[string]Share{
		"another operation": {Operation: "0123", Worker: "a", OK: 1},
		"no operation":      {Worker: "a", OK: 1},
		"negative":          {Operation: id, Worker: "a", OK: 7, Failed: -1},
	} {
		if err := op.Merge(s); err == nil {
			t.Errorf("%s: merged", name)
		}
	}
	for i := range maxTours {
		if err := op.Merge(Share{Operation: id, Worker: strings.Repeat("x", 100) + fmt.Sprint(i), OK: 1}); err != nil {
			t.Fatal(err)
		}
	}
	err := op.Merge(Share{Operation: id, Worker: "one more", OK: 1})
	if !errors.Is(err, ErrTooManyWorkers) || op.Snapshot().OK != maxTours {
		t.Errorf("%d items, error %v", op.Snapshot().OK, err)
	}
	if err := op.Merge(Share{Operation: id, Worker: strings.Repeat("x", 100) + "0", OK: 2}); err != nil || op.Snapshot().OK != maxTours+1 {
		t.Errorf("a known worker when all places are taken: %v", err)
	}
	var none *Operation
	if none.Merge(Share{}) != nil || none.Share() != (Share{}) || none.Shares() != nil || none.Invite(t.Context()) != t.Context() {
		t.Error("a nil operation does not take every call")
	}
}

func TestJoinWithoutAnInvitation(t *testing.T) {
	p := newProbe()
	hostile, _ := baggage.NewMemberRaw(keys.BulkOperationID, strings.Repeat("x", 5000))
	b, _ := baggage.New(hostile)
	_, part := Join(baggage.ContextWithBaggage(t.Context(), b), "op", "a", p.Providers)
	part.OK()
	part.End(nil)
	if s := part.Share(); s.OK != 1 || len(s.Operation) > maxNameLength {
		t.Errorf("share = %+v", s)
	}
	if n := len(p.root(t, "op").Links()); n != 0 {
		t.Errorf("%d links to nothing", n)
	}
}
