package bulk

import (
	"math/rand/v2"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
)

const (
	maxKinds       = 32  // kinds of errors told apart
	samplesPerKind = 3   // failures of one kind that are reported
	looksPerSecond = 128 // failures whose kind is looked up; beyond them they are only counted by type
)

// failures counts failed items and picks the few that are reported. Its memory
// and its work are bounded whatever the errors: in a storm of them, each is counted
// by its type and nothing else is looked at.
type failures struct {
	types failureTypes
	looks atomic.Int64 // left until reopen

	mu       sync.Mutex
	kinds    map[string]*class
	reported int // of all kinds, as log events
}

// count counts one failure by its type and tells whether to look at it.
func (f *failures) count(err error) bool {
	f.types.find(reflect.TypeOf(innermost(err))).Add(1)
	return f.looks.Load() > 0 && f.looks.Add(-1) >= 0
}

// reopen allows the next looks. The reporter calls it once a second.
func (f *failures) reopen() { f.looks.Store(looksPerSecond) }

// take takes one failure into its class, and tells whether to report it.
func (f *failures) take(d failure, item FailedItem) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := f.find(d.kind, d.typ)
	c.add(item, rand.Uint64())
	if c.reported >= samplesPerKind || f.reported >= maxKinds*samplesPerKind {
		return false
	}
	c.reported++
	f.reported++
	return true
}

// failure describes an error in words of bounded length.
type failure struct {
	kind    string // what counts as the same kind
	typ     string // of the innermost error, for error.type
	message string
}

// describe survives errors whose methods panic, such as nil pointers.
func describe(err error) (f failure) {
	defer func() {
		if recover() != nil {
			f = failure{kind: "broken", typ: typeOf(err), message: "error that panics when asked for its text"}
		}
	}()
	if err == nil {
		return failure{kind: "none", typ: typeOf(err), message: "no error given"}
	}
	root := innermost(err)
	f.message = truncate(err.Error(), 1024)
	f.typ = typeOf(err)
	f.kind = f.typ
	if anonymous(f.typ) {
		f.kind = pattern(root.Error())
	}
	return f
}

// anonymous tells whether the type says nothing about the kind of an error.
func anonymous(typ string) bool {
	switch typ {
	case "*errors.errorString", "*fmt.wrapError", "*fmt.wrapErrors", "*errors.joinError":
		return true
	}
	return false
}

// pattern is a text with its numbers taken out: "row 17 is bad" and "row 18 is
// bad" are of one kind.
func pattern(text string) string {
	digits := false
	return strings.Map(func(r rune) rune {
		was := digits
		digits = '0' <= r && r <= '9'
		switch {
		case digits && was:
			return -1
		case digits:
			return '#'
		}
		return r
	}, truncate(text, 64))
}

// truncate cuts s to at most n bytes without splitting a character, and copies
// what it keeps, so that a long text is not held by its beginning.
func truncate(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(strings.Clone(s[:n]), "")
}
