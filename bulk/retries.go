package bulk

import (
	"errors"
	"maps"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
)

// RetryCount is how many attempts failed with one type of error and were made
// again.
type RetryCount struct {
	Type  string `json:"type"` // as error.type has it; "_other" for all after the first 32
	Items int64  `json:"items"`
}

// retries counts what was tried again, by the type of the error.
type retries struct {
	total atomic.Int64

	mu    sync.Mutex
	types typeCounts
}

// Retry counts one attempt at an item that failed with err and is made again.
// The item itself is counted by what becomes of it in the end, so retries are
// no failures.
func (o *Operation) Retry(err error) {
	if o == nil {
		return
	}
	o.retries.add(typeOf(err), 1)
}

// Retry counts one attempt that is made again, as [Operation.Retry] does.
func (w *Worker) Retry(err error) { w.op.Retry(err) }

func (r *retries) add(typ string, n int64) {
	r.total.Add(n)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.types == nil {
		r.types = make(typeCounts)
	}
	r.types[r.types.place(typ)] += n
}

// typeCounts are counts by error.type.
type typeCounts map[string]int64

// place is where a type is counted. It keeps the types few, and a type where it
// once was, as a counter that goes over into another falls.
func (t typeCounts) place(typ string) string {
	if _, known := t[typ]; known || typ == other {
		return typ
	}
	named := len(t)
	if _, more := t[other]; more {
		named--
	}
	if named >= maxKinds {
		return other
	}
	t[typ] = 0
	return typ
}

func (r *retries) list() []RetryCount {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []RetryCount
	for _, typ := range slices.Sorted(maps.Keys(r.types)) {
		list = append(list, RetryCount{typ, r.types[typ]})
	}
	slices.SortStableFunc(list, func(a, b RetryCount) int { return int(min(max(b.Items-a.Items, -1), 1)) })
	return list
}

// typeOf is the error.type of an error: the type of the innermost one.
func typeOf(err error) string { return nameOf(reflect.TypeOf(innermost(err))) }

func nameOf(typ reflect.Type) string {
	switch typ {
	case nil:
		return "_OTHER"
	case reflect.TypeFor[panicError]():
		return "panic"
	}
	return truncate(typ.String(), maxNameLength)
}

// innermost survives errors that cannot be unwrapped, such as nil pointers: these
// are the innermost then.
func innermost(err error) (root error) {
	root = err
	if _, wraps := err.(interface{ Unwrap() error }); !wraps {
		return root // without what costs more than all else that counts a failure
	}
	defer func() { _ = recover() }()
	for range 100 { // a chain of wrapped errors may be a circle
		next := errors.Unwrap(root)
		if next == nil {
			break
		}
		root = next
	}
	return root
}
