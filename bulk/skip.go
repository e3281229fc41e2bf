package bulk

import "sync/atomic"

const (
	maxReasons    = 16
	maxNameLength = 64 // bytes of a skip reason or stage name
)

// other stands for the names that came after a table was full.
const other = "_other"

// skip is one reason and how many items were skipped for it.
type skip struct {
	name string
	n    atomic.Int64
}

// skips is a short append-only table, searched without a lock.
type skips struct {
	reasons [maxReasons]atomic.Pointer[skip]
	rest    skip // all further reasons
}

func (s *skips) find(reason string) *skip {
	reason = truncate(reason, maxNameLength)
	for i := range s.reasons {
		r := s.reasons[i].Load()
		if r == nil {
			fresh := &skip{name: reason}
			if s.reasons[i].CompareAndSwap(nil, fresh) {
				return fresh
			}
			r = s.reasons[i].Load()
		}
		if r.name == reason {
			return r
		}
	}
	return &s.rest
}

func (s *skips) total() int64 {
	n := s.rest.n.Load()
	for i := range s.reasons {
		r := s.reasons[i].Load()
		if r == nil {
			break
		}
		n += r.n.Load()
	}
	return n
}

func (s *skips) list() []SkipCount {
	var list []SkipCount
	for i := range s.reasons {
		if r := s.reasons[i].Load(); r != nil {
			list = append(list, SkipCount{r.name, r.n.Load()})
		}
	}
	if n := s.rest.n.Load(); n > 0 {
		list = append(list, SkipCount{other, n})
	}
	return list
}

// Skipped says that an item needed no processing, for a reason that is one of few,
// such as "unchanged". [Run] counts it as skipped, see [Operation.Skip], and a
// [Checkpoint] takes it as done. As the error of a batch it is that of all its
// items; where only some were skipped, use [ItemErrors].
func Skipped(reason string) error { return skipped(reason) }

type skipped string

func (s skipped) Error() string { return string(s) }
