package bulk

import (
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"
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
	types map[string]int64
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
		r.types = make(map[string]int64)
	}
	addType(r.types, typ, n)
}

// addType keeps the types of a table few.
func addType(types map[string]int64, typ string, n int64) {
	if _, known := types[typ]; !known && len(types) >= maxKinds {
		typ = other
	}
	types[typ] += n
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
func typeOf(err error) (typ string) {
	if err == nil {
		return "_OTHER"
	}
	defer func() {
		if recover() != nil {
			typ = reflect.TypeOf(err).String()
		}
	}()
	root := innermost(err)
	if _, panicked := root.(panicError); panicked { //nolint:errorlint // errors.As would not come back from a circle, and root wraps nothing
		return "panic"
	}
	return strings.Clone(truncate(reflect.TypeOf(root).String(), maxNameLength))
}

func innermost(err error) error {
	for range 100 { // a chain of wrapped errors may be a circle
		next := errors.Unwrap(err)
		if next == nil {
			break
		}
		err = next
	}
	return err
}
