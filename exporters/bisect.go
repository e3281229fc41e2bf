package exporters

import (
	"context"
	"fmt"
	"math/bits"
	"time"
)

const (
	// maxRequests is how many requests one call of deliver makes.
	maxRequests = 64
	// patience is how often a batch meets an internal error of the backend before
	// its content is suspected.
	patience = 5
	// maxSamples is how many of a batch's refused items are shown.
	maxSamples = 8
	// maxPause is the longest pause after batches of which nothing was taken.
	maxPause = 30 * time.Second
)

// outcome is what became of a batch. Its items are delivered, rejected, too
// large, or in rest: none is in two of them, and none is missing.
type outcome struct {
	delivered int
	rejected  int // refused, or not taken as the answer to a delivered request says
	tooLarge  int
	samples   []Quarantined // of the items that were refused

	// rest is what is still to be delivered, nil if all is settled. It is sent as
	// a batch of its own.
	rest      []byte
	restItems int
	restBatch string
	// last is the answer that ended it. Of a rest it says what to do: kindRetry
	// and kindHold mean what they always do, kindRefused that the search for the
	// guilty items used up its requests and is to be gone on with. Without a rest,
	// after is a pause to make before the next batch: nothing of this one was
	// taken.
	last answer
}

// deliver sends a batch. If the backend refuses it, it searches for the items
// that are at fault, so that the others are delivered. failed is how often the
// batch was tried in vain before. Bounds: maxRequests requests, each with the
// endpoint's timeout.
func (s *sender) deliver(ctx context.Context, body []byte, items int, batch string, failed int) outcome {
	b := &bisection{
		sender: s, body: body, items: items, batch: batch, suspicious: failed >= patience,
		open: []stretch{{0, items}}, left: maxRequests,
	}
	over := false
	for !over && len(b.open) > 0 {
		next := b.open[len(b.open)-1]
		b.open = b.open[:len(b.open)-1]
		over = b.try(ctx, next)
	}
	b.convict(b.taken && !over)
	if b.done < items {
		b.keepRest()
		return b.out
	}
	b.out.last.kind = kindDelivered
	if b.refused.err != nil {
		b.out.last.err = b.refused.err
	}
	if b.taken {
		s.lucky()
	} else {
		b.out.last.after = s.pause()
	}
	return b.out
}

// stretch is the items of a batch from one up to, but not including, another.
type stretch struct{ from, to int }

// bisection is the search through one batch, from its front to its back.
type bisection struct {
	sender     *sender
	body       []byte
	items      int
	batch      string
	suspicious bool // whether an internal error counts as a refusal

	out     outcome
	open    []stretch // to be sent, the next one last
	left    int       // requests that may still be made
	done    int       // items from the front that are settled
	taken   bool      // whether the backend took anything
	refused answer    // the last one that refused
	accused []accused // single items after done that were refused
}

// accused is an item that was refused on its own.
type accused struct {
	at   int
	body []byte
	why  answer
}

// try sends a stretch and reports whether the search is over.
func (b *bisection) try(ctx context.Context, s stretch) (over bool) {
	if b.left == 0 {
		b.out.last = b.refused
		b.out.last.kind = kindRefused
		return true
	}
	body, err := b.cut(s)
	if err != nil { // nobody can tell what is in it
		b.reject(b.body, b.refused)
		return true
	}
	b.left--
	a := b.sender.send(ctx, body, b.name(s))
	b.out.last = a
	size := s.to - s.from
	if a.kind == kindDelivered {
		b.taken = true
		b.convict(true)
		lost := int(min(a.rejected, int64(size)))
		b.out.delivered += size - lost
		b.out.rejected += lost
		b.done = s.to
		return false
	}
	if refused := a.kind == kindRefused || a.suspect && b.suspicious; !refused {
		return true
	}
	b.refused = a
	switch {
	case size <= 1:
		b.accused = append(b.accused, accused{s.from, body, a})
	case b.taken || maxRequests-b.left < barren(b.items):
		middle := s.from + size/2
		b.open = append(b.open, stretch{middle, s.to}, stretch{s.from, middle})
	case a.kind == kindRefused:
		b.convict(false)
		b.reject(body, a)
		return true
	default:
		return true
	}
	return false
}

// barren is after how many requests in vain the whole batch is given up: enough
// to find out that a single item and its neighbours are refused on their own.
// Going on would only trouble a backend that takes nothing at all.
func barren(items int) int { return min(2*bits.Len64(uint64(items))+1, maxRequests) }

// cut returns the request of a stretch.
func (b *bisection) cut(s stretch) ([]byte, error) {
	if s == (stretch{0, b.items}) {
		return b.body, nil
	}
	if n, err := count(b.sender.signal, b.body); err != nil {
		return nil, err
	} else if n != b.items {
		return nil, fmt.Errorf("request holds %d items, not %d", n, b.items)
	}
	return part(b.sender.signal, b.body, s.from, s.to)
}

func (b *bisection) name(s stretch) string {
	if s == (stretch{0, b.items}) {
		return b.batch
	}
	return fmt.Sprintf("%s/%d-%d", b.batch, s.from, s.to)
}

// convict settles the items that were refused on their own, from the front on.
// One that met an internal error is only guilty if the backend took others at
// the same time, of which there must be a witness.
func (b *bisection) convict(witness bool) {
	for len(b.accused) > 0 && (witness || b.accused[0].why.kind == kindRefused) {
		first := b.accused[0]
		b.accused = b.accused[1:]
		b.settle(first.body, first.why, first.at+1)
	}
}

// reject settles all that is left as refused.
func (b *bisection) reject(sample []byte, why answer) { b.settle(sample, why, b.items) }

func (b *bisection) settle(sample []byte, why answer, to int) {
	reason := "rejected"
	if why.tooLarge {
		reason = "too_large"
		b.out.tooLarge += to - b.done
	} else {
		b.out.rejected += to - b.done
	}
	b.done = to
	if len(b.out.samples) < maxSamples {
		b.out.samples = append(b.out.samples, quarantined(b.sender.signal, sample, reason, why.err))
	}
}

// keepRest hands back what was not settled.
func (b *bisection) keepRest() {
	s := stretch{b.done, b.items}
	rest, err := b.cut(s)
	if err != nil {
		rest, s.from = b.body, 0 // not reached: it was cut before
	}
	b.out.rest, b.out.restItems, b.out.restBatch = rest, s.to-s.from, b.name(s)
	if b.out.last.kind == kindRefused && b.left > 0 {
		b.out.last.kind = kindRetry // the accused wait for a witness
	}
}

// pause returns how long to wait after a batch of which nothing was taken. It
// grows from one to the next: going on at full speed would throw away what the
// backend may take later.
func (s *sender) pause() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	pause := min(time.Second<<min(s.vain, 10), maxPause)
	s.vain++
	return pause
}

// lucky ends the growth of pauses.
func (s *sender) lucky() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.vain = 0
}
