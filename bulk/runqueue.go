package bulk

import (
	"cmp"
	"slices"
	"time"
)

// entry is an item that was read and is not yet done.
type entry[T any] struct {
	item  T
	at    int64 // in the source, from 0
	size  int
	key   string
	tries int // that have failed
}

// batch is what one call of the function gets.
type batch[T any] struct {
	entries  []entry[T]
	refusals int // in a row
	due      time.Time
}

// queue holds what was read and waits for its turn.
type queue[T any] struct {
	fresh   []entry[T]
	since   time.Time             // the oldest of fresh waits since then
	bytes   int                   // of fresh
	keys    map[string][]entry[T] // nil without Key; those that wait behind one of their key
	waiting int                   // in keys
	again   []*batch[T]           // to be tried again, by due
	delayed int                   // items in again
	spot    int64                 // of the next item of the source

	blocked   bool  // the reader waits for room
	ended     bool  // the source is
	sourceErr error // why, if not for lack of items
	halted    bool  // nothing more may be read or started
}

func (q *queue[T]) buffered() int { return len(q.fresh) + q.waiting + q.delayed }

// ready tells whether a batch can start, or how long until its time has come.
func (q *queue[T]) ready(now time.Time, size, bytes int, age time.Duration) (bool, time.Duration) {
	pause := time.Hour
	if len(q.again) > 0 {
		if pause = q.again[0].due.Sub(now); pause <= 0 {
			return true, 0
		}
	}
	if len(q.fresh) == 0 {
		return false, pause
	}
	left := age - now.Sub(q.since)
	// A reader without room will not fill the batch: the rest waits behind keys
	// or for another try.
	if len(q.fresh) >= size || q.bytes >= bytes || q.ended || q.blocked || left <= 0 {
		return true, 0
	}
	return false, min(pause, left)
}

// take removes the batch that ready told of.
func (q *queue[T]) take(now time.Time, size, bytes int) *batch[T] {
	if len(q.again) > 0 && !q.again[0].due.After(now) {
		b := q.again[0]
		q.again = slices.Delete(q.again, 0, 1)
		q.delayed -= len(b.entries)
		return b
	}
	n, sum := 0, 0
	for n < min(size, len(q.fresh)) && (n == 0 || sum+q.fresh[n].size <= bytes) {
		sum += q.fresh[n].size
		n++
	}
	b := &batch[T]{entries: slices.Clone(q.fresh[:n])}
	clear(q.fresh[:n]) // for the garbage collector
	q.fresh = q.fresh[n:]
	q.bytes -= sum
	q.since = now
	return b
}

// push appends an item, behind those of its key if there are any.
func (q *queue[T]) push(e entry[T]) {
	if q.keys != nil {
		if behind, busy := q.keys[e.key]; busy {
			q.keys[e.key] = append(behind, e)
			q.waiting++
			return
		}
		q.keys[e.key] = nil
	}
	q.line(e)
}

// release lets the next item of the key of a settled one have its turn.
func (q *queue[T]) release(key string) {
	behind := q.keys[key]
	if len(behind) == 0 {
		delete(q.keys, key)
		return
	}
	e := behind[0]
	behind[0] = entry[T]{}
	q.keys[key] = behind[1:]
	q.waiting--
	q.line(e)
}

func (q *queue[T]) line(e entry[T]) {
	if len(q.fresh) == 0 {
		q.since = time.Now()
	}
	q.fresh = append(q.fresh, e)
	q.bytes += e.size
}

// later puts a batch among those to be tried again.
func (q *queue[T]) later(b *batch[T]) {
	i, _ := slices.BinarySearchFunc(q.again, b, func(a, b *batch[T]) int { return cmp.Or(a.due.Compare(b.due), -1) })
	q.again = slices.Insert(q.again, i, b)
	q.delayed += len(b.entries)
}

// open returns the positions of all that waits.
func (q *queue[T]) open(to []int64) []int64 {
	to = positions(to, q.fresh)
	for _, behind := range q.keys {
		to = positions(to, behind)
	}
	for _, b := range q.again {
		to = positions(to, b.entries)
	}
	return to
}

func positions[T any](to []int64, entries []entry[T]) []int64 {
	for i := range entries {
		to = append(to, entries[i].at)
	}
	return to
}
