package exporters

import (
	"fmt"
	"hash/fnv"
	"io"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync/atomic"
)

// Reason says why telemetry was lost.
type Reason uint8

// The reasons of [Account.Dropped].
const (
	QueueFull   Reason = iota // made faster than it could be encoded
	Unencodable               // its content can't be written as OTLP
	TooLarge                  // a single item above what receivers take
	Rejected                  // the backend took the request but not the item, or never would
	Evicted                   // the oldest, for lack of room while a backend was away
	Expired                   // waited longer than the age limit
	Corrupt                   // damaged on the disk
	Crashed                   // in memory when the process died
	Abandoned                 // in memory when it shut down, and the backend away
	reasons
)

// String returns the value of the attribute otelmon.drop.reason.
func (r Reason) String() string {
	return [...]string{
		"queue_full", "unencodable", "too_large", "rejected", "evicted", "expired", "corrupt", "crashed", "abandoned", "unknown",
	}[min(r, reasons)]
}

// maxDestinations is how many accounts fit in the ledger's page.
const maxDestinations = 8

// The page holds a format number, what was made of each signal, the number that
// batch ids of this directory begin with, and a block for each destination.
const (
	pageFormat   = 0x6f74656c6d6f6e03 // "otelmon", 3
	slotFormat   = 0
	slotCreated  = 1
	slotOrigin   = slotCreated + signals
	slotAccounts = slotOrigin + 1

	// Of each destination's block.
	slotName      = 0
	slotBefore    = 1 // items made before the destination was known
	slotDelivered = slotBefore + signals
	slotDropped   = slotDelivered + signals
	slotUnmarked  = slotDropped + signals*int(reasons)
	slotsAccount  = slotUnmarked + lanes*slotsUnmarked

	// Of a lane's group that is settled, at least in part, and not marked so in the
	// directory: its last number and what was counted for it.
	unmarkedSeq       = 0
	unmarkedDelivered = 1
	unmarkedRejected  = 2
	unmarkedTooLarge  = 3
	slotsUnmarked     = 4

	pageSlots = slotAccounts + maxDestinations*slotsAccount
)

// ledger counts every item from its making to its end: for each signal and
// destination, created = delivered + pending + dropped. The numbers live in one
// page. With a directory that is a page of a file, mapped and locked into memory,
// which a killed process leaves behind exactly as it was.
type ledger struct {
	page atomic.Pointer[page]
	save func() error // nil if there is nothing to save

	past   *ledger // of the directory, whose page this one has taken over; it stays mapped as long
	former *page   // the one before
	moved  [pageSlots]int64
}

type page [pageSlots]atomic.Int64

// newLedger counts in memory only.
func newLedger() *ledger {
	l := &ledger{}
	l.page.Store(new(page))
	l.check()
	return l
}

// close leaves the file to the next process. What is counted from then on stays
// in memory.
func (l *ledger) close() error {
	l.move(l.page.Load()) // what came late
	mapped, heap := l.page.Load(), new(page)
	for i := range mapped {
		heap[i].Store(mapped[i].Load())
	}
	l.page.Store(heap)
	if l.save == nil {
		return nil
	}
	return l.save()
}

// check starts anew where a page can't be believed.
func (l *ledger) check() {
	p := l.page.Load()
	sound := p[slotFormat].Load() == pageFormat
	for i := slotCreated; i < pageSlots && sound; i++ {
		sound = p[i].Load() >= 0 || i >= slotAccounts && (i-slotAccounts)%slotsAccount < slotDelivered
	}
	if sound && p[slotOrigin].Load() > 0 {
		return
	}
	for i := range p {
		p[i].Store(0)
	}
	p[slotFormat].Store(pageFormat)
	p[slotOrigin].Store(1 + rand.Int64N(math.MaxInt64)) //nolint:gosec // told apart, not kept secret
}

// arrange puts the accounts of these destinations first and in this order, as
// they are in every other ledger, and reports whether there is room for all.
func (l *ledger) arrange(all []*destination) bool {
	for n, d := range all {
		a := l.account(d.name)
		if a == nil {
			return false
		}
		for i := range slotsAccount {
			here, there := l.slot(slotAccounts+n*slotsAccount+i), a.slot(i)
			here.Store(there.Swap(here.Load()))
		}
	}
	return true
}

// adopt goes on with the page of a ledger that has the same accounts, to which
// it adds its own numbers.
func (l *ledger) adopt(past *ledger) {
	l.past, l.save, l.former = past, past.save, l.page.Load()
	into := past.page.Load()
	l.move(into) // before that, no number is to go back
	l.page.Store(into)
	l.move(into)
}

// move adds what the former page has counted since the last move.
func (l *ledger) move(into *page) {
	for i := slotCreated; l.former != nil && i < pageSlots; i++ {
		if i == slotOrigin || i >= slotAccounts && (i-slotAccounts)%slotsAccount == slotName {
			continue
		}
		n := l.former[i].Load()
		into[i].Add(n - l.moved[i])
		l.moved[i] = n
	}
}

func (l *ledger) origin() string { return strconv.FormatInt(l.slot(slotOrigin).Load(), 36) }

func (l *ledger) slot(n int) *atomic.Int64 { return &l.page.Load()[n] }

func (l *ledger) created(s Signal) *atomic.Int64 { return l.slot(slotCreated + int(s)) }

// account returns the block of a destination, a new one if the name is not known:
// what was made before is not its business. It is nil if the page is full.
func (l *ledger) account(name string) *account {
	h := fnv.New64a()
	_, _ = io.WriteString(h, name) // it never fails
	id := int64(h.Sum64())         //nolint:gosec // only compared
	for n := range maxDestinations {
		a := &account{l, slotAccounts + n*slotsAccount}
		switch slot := a.slot(slotName); slot.Load() {
		case id:
			return a
		case 0:
			slot.Store(id)
			for s := range Signal(signals) {
				a.before(s).Store(l.created(s).Load())
			}
			return a
		}
	}
	return nil
}

// account is what becomes of the items at one destination.
type account struct {
	ledger *ledger
	at     int
}

func (a *account) slot(n int) *atomic.Int64 { return a.ledger.slot(a.at + n) }

func (a *account) before(s Signal) *atomic.Int64    { return a.slot(slotBefore + int(s)) }
func (a *account) delivered(s Signal) *atomic.Int64 { return a.slot(slotDelivered + int(s)) }

func (a *account) dropped(s Signal, r Reason) *atomic.Int64 {
	return a.slot(slotDropped + int(s)*int(reasons) + int(r))
}

// losses is what was lost of a signal, for whatever reason.
func (a *account) losses(s Signal) (n int64) {
	for r := range reasons {
		n += a.dropped(s, r).Load()
	}
	return n
}

// why names the reasons of losses since base, and how many each took.
func (a *account) why(s Signal) string {
	var parts []string
	for r := range reasons {
		if n := a.dropped(s, r).Load(); n > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", r, n))
		}
	}
	return strings.Join(parts, ", ")
}

// open is how many items have neither been delivered nor lost.
func (a *account) open(s Signal) int64 {
	return a.ledger.created(s).Load() - a.before(s).Load() - a.delivered(s).Load() - a.losses(s)
}

func (a *account) unmarked(l lane, n int) *atomic.Int64 {
	return a.slot(slotUnmarked + int(l)*slotsUnmarked + n)
}

// settle counts what became of a group, or of a part of it. seq is its last
// number in the directory, 0 if it is in memory.
func (a *account) settle(l lane, seq uint64, out outcome) {
	n := [...]int64{unmarkedDelivered: int64(out.delivered), unmarkedRejected: int64(out.rejected), unmarkedTooLarge: int64(out.tooLarge)}
	for i, slot := range a.settled(l.signal()) {
		if i > 0 && seq > 0 {
			a.unmarked(l, i).Add(n[i])
		}
		if i > 0 {
			slot.Add(n[i])
		}
	}
	if seq > 0 {
		a.unmarked(l, unmarkedSeq).Store(int64(seq)) //nolint:gosec // a number of a record
	}
}

// settled is where the numbers of an unmarked group are counted.
func (a *account) settled(s Signal) [slotsUnmarked]*atomic.Int64 {
	return [...]*atomic.Int64{unmarkedDelivered: a.delivered(s), unmarkedRejected: a.dropped(s, Rejected), unmarkedTooLarge: a.dropped(s, TooLarge)}
}

// marked is called when the directory knows that the group is settled.
func (a *account) marked(l lane) {
	for i := range slotsUnmarked {
		a.unmarked(l, i).Store(0)
	}
}

// takeBack undoes the counting of an unmarked group that will be sent again.
func (a *account) takeBack(l lane) {
	for i, slot := range a.settled(l.signal()) {
		if i > 0 {
			slot.Add(-min(a.unmarked(l, i).Load(), slot.Load()))
		}
	}
}

// reconcile is done once, before anything is made: only what is in the store can
// still be delivered. What else is open was in the memory of a process that
// died. What the store has beyond that is from before a ledger that was lost, or
// wanted by a destination that was not known when it was made.
func (a *account) reconcile(s Signal, waiting int64) {
	switch gone := a.open(s) - waiting; {
	case gone > 0:
		a.dropped(s, Crashed).Add(gone)
	case gone < 0:
		again := min(-gone, a.delivered(s).Load())
		a.delivered(s).Add(-again)
		a.before(s).Add(gone + again) // records from before a ledger that was lost
	}
}
