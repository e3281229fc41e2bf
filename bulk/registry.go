package bulk

import (
	"maps"
	"reflect"
	"slices"
	"sync"
	"time"
	"weak"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"
)

// operations knows what is running. Metrics are read from it when they are
// collected, and Live and Terminal look at it.
//
//nolint:gochecknoglobals // a counter must stay cumulative over operations that know nothing of each other, as OpenTelemetry's own globals do
var operations = registry{unset: otel.GetMeterProvider()}

type registry struct {
	// unset is the global meter provider as it is before anyone has set one. It
	// forwards to the first that is set.
	unset metric.MeterProvider

	mu   sync.Mutex // never held while calling out, as Live may be called from anywhere
	live map[*Operation]struct{}

	// books holds one book for each meter provider, weakly: the provider's
	// callback keeps its book, so both go together.
	opening sync.Mutex
	books   []weak.Pointer[book]
}

// admit enters an operation into the book of its meter provider.
func (r *registry) admit(o *Operation, mp metric.MeterProvider) *book {
	b := r.open(mp)
	b.admit(o)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.live == nil {
		r.live = make(map[*Operation]struct{})
	}
	r.live[o] = struct{}{}
	return b
}

// retire takes an operation out and fixes its last state. From here on, what is
// counted on it is ignored.
func (r *registry) retire(o *Operation, result Result) Snapshot {
	s := o.book.retire(o, func() Snapshot {
		s := o.lookCloser(time.Now()).close(result)
		o.final.Store(&s)
		return s
	})
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.live, o)
	return s
}

// list returns the running operations, the oldest first.
func (r *registry) list() []*Operation {
	r.mu.Lock()
	ops := slices.Collect(maps.Keys(r.live))
	r.mu.Unlock()
	return sortOperations(ops)
}

// open finds the book of a provider, or starts one.
func (r *registry) open(mp metric.MeterProvider) *book {
	r.opening.Lock()
	defer r.opening.Unlock()
	if mp == nil {
		mp = otel.GetMeterProvider()
	}
	r.books = slices.DeleteFunc(r.books, func(p weak.Pointer[book]) bool { return p.Value() == nil })
	var early *book
	for _, p := range r.books {
		switch b := p.Value(); {
		case b == nil:
		case same(b.provider, mp):
			return b
		case same(b.provider, r.unset):
			early = b
		}
	}
	// What began before the global provider was set is moved to it, so that one
	// name is not counted in two places.
	if early != nil && same(mp, otel.GetMeterProvider()) {
		early.attach(mp)
		return early
	}
	b := newBook(mp)
	r.books = append(r.books, weak.Make(b))
	return b
}

// same compares providers of any type: some cannot be compared, and then one of
// each type is enough.
func same(a, b metric.MeterProvider) bool {
	if ta := reflect.TypeOf(a); ta == nil || !ta.Comparable() {
		return ta == reflect.TypeOf(b)
	}
	return a == b
}
