package exporters

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// fleeting is a store whose second parcel is pushed out as soon as it was seen.
type fleeting struct{ read int }

func (f *fleeting) put(Signal, parcel) error { return nil }

func (f *fleeting) next(ctx context.Context, _ int, _ Signal) (parcel, error) {
	if f.read++; f.read == 1 {
		return parcel{seq: 1, items: 3, body: []byte("abc")}, nil
	}
	<-ctx.Done()
	return parcel{}, ctx.Err()
}

func (f *fleeting) ack(int, Signal, uint64) error { return nil }

func (f *fleeting) backlog(int, Signal) backlog { return backlog{parcels: 2} }

func (f *fleeting) origin() string { return "o" }

// A parcel that was read is sent even if the one behind it never comes.
func TestGroupDoesNotWaitForWhatIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		o := &outlet{to: &destination{}}
		if g, err := o.gather(ctx, &fleeting{}); err != nil || g.items != 3 || g.last != 1 || ctx.Err() != nil {
			t.Errorf("%+v, %v; %v", g, err, ctx.Err())
		}
	})
}
