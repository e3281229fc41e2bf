package exporters

import (
	"context"
	"time"
)

// parcel is one encoded request that waits to be sent.
type parcel struct {
	seq   uint64 // of its signal, without gaps
	items int64
	made  time.Time
	gzip  bool
	body  []byte
}

// backlog is what waits for one destination, with what is being sent.
type backlog struct {
	parcels, items, bytes int64
	oldest                time.Time // zero if nothing waits
}

func (b *backlog) add(p parcel) {
	if b.parcels == 0 {
		b.oldest = p.made
	}
	b.parcels++
	b.items += p.items
	b.bytes += int64(len(p.body))
}

func (b *backlog) remove(p parcel) {
	b.parcels--
	b.items -= p.items
	b.bytes -= int64(len(p.body))
}

// store keeps parcels until every destination has acknowledged them.
type store interface {
	// put keeps a parcel for all destinations. It has no seq yet.
	put(s Signal, p parcel) error
	// next waits for the parcel after the one that it returned last. Its body is
	// valid until the next call for this destination and signal.
	next(ctx context.Context, destination int, s Signal) (parcel, error)
	// ack lets go of everything up to seq, which next has returned.
	ack(destination int, s Signal, seq uint64) error
	backlog(destination int, s Signal) backlog
	// origin tells this store's numbering from all others.
	origin() string
}
