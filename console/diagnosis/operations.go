package diagnosis

import (
	"cmp"
	"fmt"
	"math"

	"github.com/otelmon/otelmon-go/console/store"
	"github.com/otelmon/otelmon-go/internal/keys"
)

// failedOperations finds bulk operations that ended with an error.
func failedOperations(s *snapshot) []*finding {
	var found []*finding
	for i := range s.operations {
		o := &s.operations[i]
		if o.State != store.StateFailed || o.Ended == nil || o.Ended.Before(s.from) {
			continue
		}
		text := fmt.Sprintf("operation %s failed: %s", o.Name, cmp.Or(o.Message, "no reason was given"))
		found = append(found, s.aboutOperation(o, find(KindOperationFailed, o.Name, *o.Ended, 0.9, text, text)))
	}
	return found
}

// aboutOperation adds what every finding about an operation has.
func (s *snapshot) aboutOperation(o *store.Operation, f *finding) *finding {
	f.op, f.said = o, o.Message
	f.show(ByOperation, o.ID, o.Updated, fmt.Sprintf("%.0f ok, %.0f failed, %.0f skipped", o.OK, o.Failed, o.Skipped), "{item}", float64(o.Failed), math.NaN())
	for _, failure := range o.Failures[:min(len(o.Failures), 2)] {
		f.said += "\n" + failure.Message
	}
	if o.TraceID != "" {
		f.show(ByTrace, o.TraceID, o.Started, "the operation", "s", float64(o.Seconds), math.NaN())
		f.ask("get_trace", "what the operation does now", "trace_id", o.TraceID, "view", "summary")
	}
	f.ask("list_operations", "all operations with their failures")
	return f
}

// leastIdle is the shortest standstill, in seconds, that counts.
const leastIdle = 15

// stalledOperations finds operations that run and make no progress for longer
// than they ever did.
func stalledOperations(s *snapshot) []*finding {
	var found []*finding
	s.each(keys.BulkOperationIdleTime, func(series *store.Series) {
		idle := float64(series.Value)
		v := s.numbers(series.History)
		before := v[:max(0, len(v)-1-int(idle/float64(s.runtime.Interval)))]
		usual := 0.0
		for _, x := range before {
			usual = max(usual, x)
		}
		o := s.running(series.Attributes.Get(keys.BulkOperationName))
		if o == nil || idle < leastIdle || idle < 3*usual {
			return
		}
		f := find(KindBulkStalled, o.Name, s.now.Add(-s.span(idle)), 0.9,
			fmt.Sprintf("operation %s has made no progress for %s", o.Name, seconds(idle)),
			fmt.Sprintf("operation %s stands still: its source gives nothing, or what it does with an item does not return", o.Name))
		s.aboutOperation(o, f)
		f.show(ByMetric, seriesRef(keys.BulkOperationIdleTime, series.Attributes), s.now, "since the last progress", "s", idle, usual)
		f.ask("get_runtime", "where its goroutines wait", "sections", "goroutines")
		found = append(found, f)
	})
	return found
}

// running returns the operation of a name that has run for longest.
func (s *snapshot) running(name string) *store.Operation {
	var found *store.Operation
	for i := range s.operations {
		if o := &s.operations[i]; o.Name == name && o.Ended == nil {
			found = o // the newest come first
		}
	}
	return found
}

// leastFailed is how many items fail before it counts.
const leastFailed = 10

// failingItems finds operations whose items have begun to fail, or fail for the
// greater part from the start.
func failingItems(s *snapshot) []*finding {
	var found []*finding
	for i := range s.operations {
		o := &s.operations[i]
		if o.State == store.StateFailed || o.Failed < leastFailed || (o.Ended != nil && o.Ended.Before(s.from)) || s.newer(o) {
			continue
		}
		shares, interval, ref := s.failedShares(o.Name)
		c := moreFail(shares)
		if !c.found && o.Failed >= 0.3*(o.OK+o.Failed) {
			c = change{found: true, before: math.NaN(), after: float64(o.Failed / (o.OK + o.Failed))}
		}
		if !c.found {
			continue
		}
		first := o.Started
		if c.at > 0 {
			first = s.now.Add(-s.span(interval * float64(len(shares)-c.at)))
		}
		why := noText
		if len(o.Failures) > 0 {
			why = o.Failures[0].Message
		}
		f := find(KindBulkErrors, o.Name, first, 0.85,
			fmt.Sprintf("%s of the items of operation %s fail", percent(c.after), o.Name), fmt.Sprintf("items of operation %s fail: %s", o.Name, why))
		s.aboutOperation(o, f)
		f.show(ByMetric, ref, s.now, "share of items that fail", "1", c.after, c.before)
		found = append(found, f)
	}
	return found
}

// moreFail finds a rise of shares. It is told by means: of a few items the median
// jumps where one fails more often than not.
func moreFail(shares []float64) change {
	c := rise(shares)
	if c.found {
		c.before, c.after = mean(shares[:c.at]), mean(shares[c.at:])
		c.found = c.after >= c.before+0.05
	}
	return c
}

// newer tells whether the same operation was begun again since.
func (s *snapshot) newer(o *store.Operation) bool {
	for i := range s.operations {
		if s.operations[i].Name == o.Name && s.operations[i].Started.After(o.Started) {
			return true
		}
	}
	return false
}

// failedShares returns the share of items that failed in each interval of the
// last minutes, or of the last hours when a rise is older than these.
func (s *snapshot) failedShares(name string) (shares []float64, interval float64, ref string) {
	ref = keys.BulkItems
	var recent []store.HistorySeries
	s.each(keys.BulkItems, func(series *store.Series) {
		recent = append(recent, store.HistorySeries{Attributes: series.Attributes, Values: series.History})
		if series.Attributes.Get(keys.BulkOperationName) == name && series.Attributes.Get(keys.BulkItemOutcome) == "failed" {
			ref = seriesRef(keys.BulkItems, series.Attributes)
		}
	})
	if shares = sharesOf(name, recent); !moreFail(shares).found {
		if older := sharesOf(name, s.hours.Series); moreFail(older).found {
			return older, float64(s.hours.Interval), ref
		}
	}
	return shares, float64(s.runtime.Interval), ref
}

// sharesOf returns the shares of the intervals in which there were items.
func sharesOf(name string, items []store.HistorySeries) (shares []float64) {
	var ok, failed []store.Number
	for _, series := range items {
		if series.Attributes.Get(keys.BulkOperationName) != name {
			continue
		}
		switch series.Attributes.Get(keys.BulkItemOutcome) {
		case "ok":
			ok = series.Values
		case "failed":
			failed = series.Values
		}
	}
	n := min(len(ok), len(failed))
	ok, failed = ok[len(ok)-n:], failed[len(failed)-n:]
	for i := range n {
		if all := float64(ok[i] + failed[i]); all > 0 {
			shares = append(shares, float64(failed[i])/all)
		}
	}
	return shares
}
