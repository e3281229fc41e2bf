package exporters

import (
	"context"
	"fmt"
	"time"
)

const (
	// Small parcels are sent together, up to these.
	mergeBytes   = 1 << 20
	mergeParcels = 512
)

// group is what is sent in one request.
type group struct {
	lane        lane
	first, last uint64
	inDir       bool
	parcels     uint64
	items       int64
	oldest      time.Time
	size        int    // of the body as it was gathered
	batch       string // the same for every attempt
	body        []byte
}

// gather takes the next parcel and those behind it while they are small.
// Protobuf messages one after the other are one message.
func (o *outlet) gather(ctx context.Context, from store, l lane) (g group, err error) {
	g.lane = l
	for {
		p, err := o.next(ctx, from, l, g.parcels)
		if err != nil && g.parcels > 0 {
			break // what was read will not come again
		}
		if err != nil {
			return g, err
		}
		if g.body, err = plain(g.body, p); err != nil { // its checksum is right, so it was written so
			o.lose(Corrupt, p.items, err)
			p.items = 0
		}
		if g.parcels == 0 {
			g.first, g.oldest = p.seq, p.made
		}
		g.last = p.seq
		g.parcels++
		g.items += p.items
		if len(g.body) >= mergeBytes/2 || g.parcels >= mergeParcels || from.backlog(o.to.index, l).parcels <= int64(g.parcels) { //nolint:gosec // at most mergeParcels
			break
		}
	}
	g.size, g.batch = len(g.body), fmt.Sprintf("%s-%s-%d-%d", from.origin(), l, g.first, g.last)
	return g, nil
}

// next takes the parcel behind so many others. Behind the first it is there, but
// may be pushed out any moment.
func (o *outlet) next(ctx context.Context, from store, l lane, others uint64) (parcel, error) {
	if others > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, damaged)
		defer cancel()
	}
	return from.next(ctx, o.to.index, l)
}

func (o *outlet) lose(r Reason, items int64, err error) {
	if o.sender != nil {
		o.to.account.dropped(o.signal, r).Add(items)
		o.to.box.options.Report(o.explain(err))
	}
}
