package bulk

import (
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
)

const (
	maxMessage = 72 // bytes kept of a failed item's message
	maxSubject = 40 // bytes kept of the attributes that say which item it was
	reservoir  = 2  // items kept between the first and the last of a class
)

// FailureClass is the failed items whose errors are of one kind: the same type,
// or, where that says nothing, the same text but for its numbers.
type FailureClass struct {
	Type string `json:"type"` // of the innermost error, as error.type has it
	Kind string `json:"kind"`
	// Items is how many there were, of those that were looked at, which are 128 a
	// second: what a storm brings beyond is in no class, only in
	// [Snapshot.FailureTypes]. Of more than 32 kinds, the
	// frequent ones are kept; one that took the place of others has at most
	// Inherited items too many.
	Items     int64 `json:"items"`
	Inherited int64 `json:"inherited,omitempty"`

	First   FailedItem   `json:"first"`
	Last    FailedItem   `json:"last"`
	Samples []FailedItem `json:"samples,omitempty"` // at most two in between, evenly chosen
}

// FailedItem is one item that could not be processed.
type FailedItem struct {
	Time    time.Time `json:"time"`
	Message string    `json:"message"`        // at most 72 bytes
	Item    string    `json:"item,omitempty"` // the attributes given with it: "user.id=17"
}

// class is a FailureClass as it is kept.
type class struct {
	FailureClass
	reported int // as log events
}

// add takes one item in. random is at will, and decides which sample it replaces.
func (c *class) add(item FailedItem, random uint64) {
	if c.Items++; c.Items == c.Inherited+1 {
		c.First = item
	} else if n := uint64(c.Items - c.Inherited - 1); len(c.Samples) < reservoir {
		c.Samples = append(c.Samples, c.Last)
	} else if at := random % n; at < reservoir {
		c.Samples[at] = c.Last
	}
	c.Last = item
}

// find returns the class of a kind. A new kind takes the place of the one with
// the fewest items once there are too many, and inherits its count: so a kind
// that is frequent is kept, however many rare ones came before it.
func (f *failures) find(kind, typ string) *class {
	if c := f.kinds[kind]; c != nil {
		return c
	}
	if f.kinds == nil {
		f.kinds = make(map[string]*class)
	}
	c := &class{FailureClass: FailureClass{Kind: kind, Type: typ}}
	if len(f.kinds) >= maxKinds {
		least := ""
		for k, other := range f.kinds {
			if least == "" || other.Items < f.kinds[least].Items || other.Items == f.kinds[least].Items && k < least {
				least = k
			}
		}
		c.Items, c.Inherited = f.kinds[least].Items, f.kinds[least].Items
		delete(f.kinds, least)
	}
	f.kinds[kind] = c
	return c
}

// list returns the classes, the largest first.
func (f *failures) list() []FailureClass {
	f.mu.Lock()
	defer f.mu.Unlock()
	var list []FailureClass
	for _, c := range f.kinds {
		fc := c.FailureClass
		fc.Samples = slices.Clone(c.Samples)
		list = append(list, fc)
	}
	slices.SortFunc(list, func(a, b FailureClass) int {
		if a.Items != b.Items {
			return int(min(max(b.Items-a.Items, -1), 1))
		}
		return strings.Compare(a.Kind, b.Kind)
	})
	return list
}

// subject says which item it is that failed, in few words.
func subject(attrs []attribute.KeyValue) string {
	var b strings.Builder
	for _, a := range attrs {
		if b.Len() > maxSubject {
			break
		}
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(truncate(string(a.Key), maxSubject) + "=" + truncate(a.Value.String(), maxSubject))
	}
	return truncate(b.String(), maxSubject)
}
