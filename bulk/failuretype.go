package bulk

import (
	"cmp"
	"reflect"
	"slices"
	"sync/atomic"
)

// FailureCount is how many items failed with one type of error.
type FailureCount struct {
	Type  string `json:"type"` // as error.type has it; "_other" for all after the first 32
	Items int64  `json:"items"`
}

// failureTypes counts every failed item: a short append-only table, searched
// without a lock. By reflect.Type, as no text is made of an error that way.
type failureTypes struct {
	types [maxKinds]atomic.Pointer[failureType]
	rest  atomic.Int64 // all further types
}

type failureType struct {
	typ reflect.Type // nil where no error was given
	n   atomic.Int64
}

func (f *failureTypes) find(typ reflect.Type) *atomic.Int64 {
	for i := range f.types {
		t := f.types[i].Load()
		if t == nil {
			fresh := &failureType{typ: typ}
			if f.types[i].CompareAndSwap(nil, fresh) {
				return &fresh.n
			}
			t = f.types[i].Load()
		}
		if t.typ == typ {
			return &t.n
		}
	}
	return &f.rest
}

// list returns the types, the most frequent first, and their sum at the same
// moment. Different types may have one name, and are one then.
func (f *failureTypes) list() (list []FailureCount, total int64) {
	add := func(name string, n int64) {
		if n == 0 {
			return
		}
		at := slices.IndexFunc(list, func(c FailureCount) bool { return c.Type == name })
		if at < 0 {
			at, list = len(list), append(list, FailureCount{Type: name})
		}
		list[at].Items += n
		total += n
	}
	for i := range f.types {
		t := f.types[i].Load()
		if t == nil {
			break
		}
		add(nameOf(t.typ), t.n.Load())
	}
	add(other, f.rest.Load())
	slices.SortFunc(list, func(a, b FailureCount) int {
		return cmp.Or(cmp.Compare(b.Items, a.Items), cmp.Compare(a.Type, b.Type))
	})
	return list, total
}

func (f *failureTypes) total() int64 {
	n := f.rest.Load()
	for i := range f.types {
		t := f.types[i].Load()
		if t == nil {
			break
		}
		n += t.n.Load()
	}
	return n
}
