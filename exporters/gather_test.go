package exporters

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// fleeting is a store whose second parcel is pushed out as soon as it was seen.
type fleeting struct{ read int }

func (f *fleeting) put(lane, parcel) error { return nil }

func (f *fleeting) next(ctx context.Context, _ int, _ lane) (parcel, error) {
	if f.read++; f.read == 1 {
		return parcel{seq: 1, items: 3, body: []byte("abc")}, nil
	}
	<-ctx.Done()
	return parcel{}, ctx.Err()
}

func (f *fleeting) ack(int, lane, uint64) error { return nil }

func (f *fleeting) backlog(int, lane) backlog { return backlog{parcels: 2} }

func (f *fleeting) origin() string { return "o" }

// What waits in small parcels takes few requests, and none larger than needed.
func TestSmallParcelsAreSentTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLink(t, Traces)
		l.set(outage)
		b := boxTo(t, "", Traces, l)
		for range 100 {
			b.ledger.created(Traces).Add(3)
			b.keep(Traces, 3, requestOf(t, Traces, 3))
		}
		rest(t.Context(), time.Second)
		l.set(answer{})
		if err := b.Close(t.Context()); err != nil {
			t.Error(err)
		}
		// What was made before the first attempt began is with it.
		if n := len(l.batches); n > 2 || len(l.arrived()) != 300 {
			t.Errorf("%d requests for %d spans", n, len(l.arrived()))
		}
	})
}

// A parcel that was read is sent even if the one behind it never comes.
func TestGroupDoesNotWaitForWhatIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		o := &outlet{to: &destination{}}
		if g, err := o.gather(ctx, &fleeting{}, 0); err != nil || g.items != 3 || g.last != 1 || ctx.Err() != nil {
			t.Errorf("%+v, %v; %v", g, err, ctx.Err())
		}
	})
}
