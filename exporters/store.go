package exporters

import (
	"context"
	"time"
)

// parcel is one encoded request that waits to be sent.
type parcel struct {
	seq      uint64 // of its lane, without gaps
	items    int64
	made     time.Time
	squeezed bool // see squeeze
	body     []byte
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

func (b *backlog) join(other backlog) {
	b.parcels += other.parcels
	b.items += other.items
	b.bytes += other.bytes
	if b.oldest.IsZero() || !other.oldest.IsZero() && other.oldest.Before(b.oldest) {
		b.oldest = other.oldest
	}
}

// waiting is what waits in the stores for one destination, in all lanes of a
// signal.
func waiting(destination int, s Signal, in ...store) (all backlog) {
	for _, from := range in {
		for _, l := range s.lanes() {
			all.join(from.backlog(destination, l))
		}
	}
	return all
}

// store keeps parcels until every destination has acknowledged them.
type store interface {
	// put keeps a parcel for all destinations. It has no seq yet.
	put(l lane, p parcel) error
	// next waits for the parcel after the one that it returned last. Its body is
	// valid until the next call for this destination and lane.
	next(ctx context.Context, destination int, l lane) (parcel, error)
	// ack lets go of everything up to seq, which next has returned.
	ack(destination int, l lane, seq uint64) error
	backlog(destination int, l lane) backlog
	// origin tells this store's numbering from all others.
	origin() string
}
