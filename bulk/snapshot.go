package bulk

import (
	"cmp"
	"slices"
	"time"
)

// Result is how an operation ended.
type Result string

// The results of an operation. One that is still running has none: "".
const (
	Completed Result = "completed"
	Failed    Result = "failed"
	Canceled  Result = "canceled"
)

// Snapshot is the state of an operation at one moment.
type Snapshot struct {
	ID      string        `json:"id"` // 16 hexadecimal digits, different for each run
	Name    string        `json:"name"`
	Started time.Time     `json:"started"`
	Elapsed time.Duration `json:"elapsed_ns"`       // until now, or until the end
	Result  Result        `json:"result,omitempty"` // empty while it runs

	Total   int64 `json:"total"` // items expected; Unknown if nobody said
	OK      int64 `json:"ok"`
	Failed  int64 `json:"failed"`
	Skipped int64 `json:"skipped"`
	Retried int64 `json:"retried"` // attempts that were made again; no part of the items
	Bytes   int64 `json:"bytes"`

	TotalBytes int64  `json:"total_bytes"` // bytes expected; Unknown if nobody said
	byBytes    bool   // progress is that of bytes
	merged     counts // by other processes, whose metrics have them

	// Rate is the items processed per second, those that were skipped aside:
	// lately, or overall once it has ended. ETA is the time left at that rate if
	// nothing more is skipped; Unknown without a total, before the first item is
	// processed, and in a stall. With [TotalBytes], all that goes by bytes.
	Rate     float64       `json:"rate"`
	ByteRate float64       `json:"byte_rate"` // bytes per second
	ETA      time.Duration `json:"eta_ns"`
	// ETALow and ETAHigh are the tenth and the ninetieth percentile of what the ETA
	// may turn out to be, by how the models behind it did in this operation so far.
	ETALow  time.Duration `json:"eta_low_ns"`
	ETAHigh time.Duration `json:"eta_high_ns"`
	Idle    time.Duration `json:"idle_ns"` // since items were last seen done
	Stalled bool          `json:"stalled"` // idle for much longer than its pace explains

	// Verdict says what limits the operation; its zero value, that nothing is
	// clear.
	Verdict Verdict `json:"verdict"`

	// Slower tells that the run took half as long again as earlier ones to get this
	// far. It needs [History].
	Slower bool `json:"slower"`

	Workers int          `json:"workers"` // workers not yet closed; after the end, those that were open then
	Skips   []SkipCount  `json:"skips,omitempty"`
	Retries []RetryCount `json:"retries,omitempty"` // the most frequent first
	Stages  []StageTime  `json:"stages,omitempty"`

	// FailureTypes are all items that failed in this process by the type of their
	// errors, the most frequent first.
	FailureTypes []FailureCount `json:"failure_types,omitempty"`

	// Failures are the failed items by the kind of their errors, the most frequent
	// first; at most 32. Slowest are the items that took longest, at most eight,
	// of those that a loop ([Range] and its like) or a run timed: all, unless
	// they are quicker than 60 µs. Only items of 100 ms and three times the mean are
	// among them.
	Failures []FailureClass `json:"failures,omitempty"`
	Slowest  []SlowItem     `json:"slowest,omitempty"`
}

// SkipCount is how many items were skipped for one reason.
type SkipCount struct {
	Reason string `json:"reason"`
	Items  int64  `json:"items"`
}

// StageTime is how long goroutines were busy in one stage, and how long they
// waited there, added up over all of them.
type StageTime struct {
	Name    string        `json:"name"`
	Time    time.Duration `json:"busy_ns"`
	WaitIn  time.Duration `json:"wait_in_ns"`  // for what comes from the stage before
	WaitOut time.Duration `json:"wait_out_ns"` // for the next stage to take it
}

func (t StageTime) states() [states]time.Duration {
	return [states]time.Duration{t.Time, t.WaitIn, t.WaitOut}
}

// Items is the number of items seen, whatever became of them.
func (s Snapshot) Items() int64 { return s.OK + s.Failed + s.Skipped }

// Progress is the share of the total that was seen, from 0 to 1, or [Unknown]
// without a total. It is that of the bytes if their total is known.
func (s Snapshot) Progress() float64 {
	done, total := s.Items(), s.Total
	if s.byBytes {
		done, total = s.Bytes, s.TotalBytes
	}
	switch {
	case total < 0:
		return Unknown
	case done >= total:
		return 1
	}
	return float64(done) / float64(total)
}

// Live returns the state of all running operations of this process, the oldest
// first.
func Live() []Snapshot {
	ops := operations.list()
	live := make([]Snapshot, len(ops))
	for i, o := range ops {
		live[i] = o.Snapshot()
	}
	return live
}

// Snapshot returns the present state, or the last one after the end. That of a
// nil operation is empty.
func (o *Operation) Snapshot() Snapshot {
	if o == nil {
		return Snapshot{Total: Unknown, TotalBytes: Unknown, ETA: Unknown, ETALow: Unknown, ETAHigh: Unknown}
	}
	if s := o.final.Load(); s != nil {
		return *s
	}
	return o.lookCloser(time.Now())
}

// lookCloser adds what takes longer to copy.
func (o *Operation) lookCloser(now time.Time) Snapshot {
	s := o.look(now)
	s.Failures, s.Slowest = o.failures.list(), o.slowest.list(o.loop.mean())
	return s
}

func (o *Operation) look(now time.Time) Snapshot {
	// First, as a worker publishes before it counts as closed: with none open,
	// nothing is missing from what is read next.
	workers := int(o.workers.Load())
	merged := o.crew.sum()
	c := o.own().plus(merged)
	types, failed := o.failures.types.list()
	c.failed = failed + merged.failed // of the same moment, so that the types add up
	s := Snapshot{
		ID: o.id, Name: o.name, Started: o.started, Elapsed: now.Sub(o.started),
		Total: o.total.Load(), OK: c.ok, Failed: c.failed, Skipped: c.skipped, Bytes: c.bytes, Retried: c.retried,
		TotalBytes: o.totalBytes.Load(), byBytes: o.byBytes, merged: merged, Workers: workers, Skips: o.skips.list(), Retries: o.retries.list(), FailureTypes: types,
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	e, m := &o.estimate, o.measure(c)
	s.Idle = e.idle(now, m)
	s.Stalled = e.stalled(now, m)
	s.ETA = e.eta(now, m, o.expected())
	s.ETALow, s.ETAHigh = e.between(s.ETA)
	s.Slower = e.slow(now, m, o.expected())
	if !s.Stalled {
		s.Rate, s.ByteRate = o.rates(e.pace(now, m), c)
	}
	for _, st := range o.stages {
		s.Stages = append(s.Stages, st.time(now))
	}
	s.Verdict = o.judge(s)
	return s
}

// rates are those of items and bytes. One is measured and gives the other.
func (o *Operation) rates(pace float64, c counts) (items, bytes float64) {
	from, to := c.processed(), c.bytes
	if o.byBytes {
		from, to = to, from
	}
	derived := 0.0
	if from > 0 {
		derived = pace * float64(to) / float64(from)
	}
	if o.byBytes {
		return derived, pace
	}
	return pace, derived
}

// close turns the state of a running operation into that of an ended one.
func (s Snapshot) close(r Result) Snapshot {
	s.Result, s.ETA, s.ETALow, s.ETAHigh, s.Idle, s.Stalled, s.Rate, s.ByteRate = r, Unknown, Unknown, Unknown, 0, false, 0, 0
	if t := s.Elapsed.Seconds(); t > 0 {
		s.Rate, s.ByteRate = float64(s.counts().processed())/t, float64(s.Bytes)/t
	}
	return s
}

// uncounted is the most items that an ended operation can have missed.
func (s Snapshot) uncounted() int {
	if s.Result == "" {
		return 0 // they are on their way
	}
	return s.Workers * (stride - 1)
}

func (s Snapshot) counts() counts {
	return counts{ok: s.OK, failed: s.Failed, skipped: s.Skipped, bytes: s.Bytes, retried: s.Retried}
}

func byStart(a, b *Operation) int {
	return cmp.Or(a.started.Compare(b.started), cmp.Compare(a.id, b.id))
}

func sortOperations(ops []*Operation) []*Operation {
	slices.SortFunc(ops, byStart)
	return ops
}
