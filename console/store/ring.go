package store

import (
	"encoding/binary"
	"slices"
	"sync"
	"time"

	"github.com/otelmon/otelmon-go/internal/pace"
)

// ring keeps encoded records, newest last, within a fixed number of bytes. It
// is made of segments that are allocated on demand; when all are full, the
// oldest is emptied and reused. So a full ring costs no allocation, holds no
// pointer for the garbage collector to follow, and its size is exact.
//
// A record starts with its own length, four bytes little endian.
type ring struct {
	mu      sync.Mutex
	size    int        // bytes in a segment, and so the longest record
	max     int        // segments
	segs    []*segment // oldest first
	seq     uint64     // number of the newest segment
	kept    int        // records
	dropped uint64     // records overwritten by newer ones
	horizon int64      // time of the newest of those
}

type segment struct {
	seq     uint64
	n       int
	last    int64 // time of the newest record, or at which the segment was full
	data    []byte
	readers int // who read data, which is not reused meanwhile
}

// minSegments keeps at least seven eighths of a full ring readable: reuse
// empties one whole segment.
const minSegments = 8

const maxSegment = 64 << 10

func newRing(budget int) *ring {
	size := min(budget/minSegments, maxSegment)
	return &ring{size: size, max: budget / size}
}

// add stores a copy of rec, which must not be longer than r.size, of the time at
// in nanoseconds, and returns the number of the segment that has it.
func (r *ring) add(rec []byte, at int64) (seq uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := len(r.segs); n == 0 || len(r.segs[n-1].data)+len(rec) > r.size {
		r.rotate()
	}
	last := r.segs[len(r.segs)-1]
	last.data = append(last.data, rec...)
	last.n++
	last.last = max(last.last, at)
	r.kept++
	return last.seq
}

// has tells whether the segment with this number is kept.
func (r *ring) has(seq uint64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.segs) > 0 && r.segs[0].seq <= seq
}

// completeSince returns the time of the newest record that was overwritten, the
// zero time when none was: everything after it is kept.
func (r *ring) completeSince() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.horizon == 0 {
		return time.Time{}
	}
	return time.Unix(0, r.horizon).UTC()
}

func (r *ring) rotate() {
	r.seq++
	if n := len(r.segs); n > 0 { // a record from a clock that is ahead came before now, all the same
		full := r.segs[n-1]
		full.last = min(full.last, time.Now().UnixNano())
	}
	if len(r.segs) < r.max {
		r.segs = append(r.segs, &segment{seq: r.seq, data: make([]byte, 0, r.size)})
		return
	}
	oldest := r.segs[0]
	copy(r.segs, r.segs[1:])
	r.kept -= oldest.n
	r.dropped += uint64(oldest.n)
	r.horizon = max(r.horizon, oldest.last)
	if oldest.readers > 0 { // it is theirs now
		oldest = &segment{data: make([]byte, 0, r.size)}
	}
	*oldest = segment{seq: r.seq, data: oldest.data[:0]}
	r.segs[len(r.segs)-1] = oldest
}

// walk calls f with each record, the newest segment first and in each segment
// the oldest record first, until f returns false at the end of a segment. The
// bytes are valid during the call only. Nothing is locked while f runs, and walk
// rests between calls.
func (r *ring) walk(f func(rec []byte) (more bool)) {
	more := true
	var p pace.Pace
	for before := ^uint64(0); more; {
		before, more = r.read(before, f, &p)
	}
}

// read calls f with each record of the newest segment with a number below before,
// and returns its number and whether to go on. What is in a segment is never
// written again while somebody reads it, so it is neither copied nor locked.
func (r *ring) read(before uint64, f func(rec []byte) (more bool), p *pace.Pace) (seq uint64, more bool) {
	s, rest := r.take(before)
	if s == nil {
		return 0, false
	}
	defer r.leave(s)
	more = true
	for len(rest) > 0 {
		size := binary.LittleEndian.Uint32(rest)
		more = f(rest[:size]) && more
		rest = rest[size:]
		p.Step()
	}
	return s.seq, more
}

// take returns the newest segment with a number below before, nil when there is
// none, and what is in it now. leave has to be called after it.
func (r *ring) take(before uint64) (*segment, []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range slices.Backward(r.segs) {
		if s.seq < before {
			s.readers++
			return s, s.data
		}
	}
	return nil, nil
}

func (r *ring) leave(s *segment) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s.readers--
}

// Usage tells what a part of the store holds.
type Usage struct {
	Name     string `json:"name"`
	Kept     int    `json:"kept"`
	Dropped  uint64 `json:"dropped"` // overwritten by newer ones, or refused because the part is full
	Bytes    int    `json:"bytes"`
	MaxBytes int    `json:"max_bytes"`
}

func (r *ring) usage(name string) Usage {
	r.mu.Lock()
	defer r.mu.Unlock()
	return Usage{
		Name: name, Kept: r.kept, Dropped: r.dropped,
		Bytes: len(r.segs) * r.size, MaxBytes: r.max * r.size,
	}
}
