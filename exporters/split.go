package exporters

import (
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// Requests are counted and cut as they are on the wire. Decoding them would cost
// more, and would fail for just the content that a backend trips over, such as
// text that is not UTF-8. Fields that are not known here stay where they are,
// and requests that were joined by writing one after the other are one request.

// depth is how many fields lead from an export request to an item.
func (s Signal) depth() int {
	if s == Metrics {
		return 5
	}
	return 3
}

// leads reports whether a field is one of those on the way to the items.
func (f field) leads(level int) bool {
	if f.kind != protowire.BytesType {
		return false
	}
	switch level {
	case 0: // resource_spans, resource_metrics, resource_logs
		return f.number == 1
	case 1, 2: // scope_spans, scope_metrics, scope_logs; spans, metrics, log_records
		return f.number == 2
	case 3: // of a metric: gauge, sum, histogram, exponential_histogram, summary
		return f.number == 5 || f.number == 7 || f.number == 9 || f.number == 10 || f.number == 11
	}
	return f.number == 1 // data_points
}

// count returns how many items an export request holds: spans, metric data
// points or log records. It allocates nothing.
func count(signal Signal, body []byte) (int, error) { return countIn(body, 0, signal.depth()) }

func countIn(message []byte, level, depth int) (int, error) {
	total := 0
	for len(message) > 0 {
		f, err := nextField(&message)
		switch {
		case err != nil:
			return 0, err
		case !f.leads(level):
		case level == depth-1:
			total++
		default:
			n, err := countIn(f.inner(), level+1, depth)
			if err != nil {
				return 0, err
			}
			total += n
		}
	}
	return total, nil
}

// field is one field as it is on the wire.
type field struct {
	number protowire.Number
	kind   protowire.Type
	raw    []byte // with its tag
	value  []byte // without it
}

// nextField cuts the first field off a message that is not empty.
func nextField(message *[]byte) (field, error) {
	number, kind, n := protowire.ConsumeTag(*message)
	if n < 0 {
		return field{}, fmt.Errorf("request cannot be read: %w", protowire.ParseError(n))
	}
	size := protowire.ConsumeFieldValue(number, kind, (*message)[n:])
	if size < 0 {
		return field{}, fmt.Errorf("request cannot be read: %w", protowire.ParseError(size))
	}
	f := field{number, kind, (*message)[:n+size], (*message)[n : n+size]}
	*message = (*message)[n+size:]
	return f, nil
}

// inner returns the message that the field holds.
func (f field) inner() []byte {
	inner, _ := protowire.ConsumeBytes(f.value)
	return inner
}

// split cuts a request after its first n items. Both parts hold the resources,
// scopes and metrics of their items; one of no items is empty. The parts have
// all items of body, in their order, and nothing of body is changed.
func split(signal Signal, body []byte, n int) (front, back []byte, err error) {
	if front, err = part(signal, body, 0, n); err != nil {
		return nil, nil, err
	}
	back, err = part(signal, body, n, math.MaxInt)
	return front, back, err
}

// part returns a request with the items from the one at from up to, but not
// including, the one at to.
func part(signal Signal, body []byte, from, to int) ([]byte, error) {
	c := cutter{from: from, to: to, depth: signal.depth()}
	out, err := c.cut(nil, body, 0)
	if err != nil || !c.any {
		return nil, err
	}
	return out, nil
}

// cutter walks over a request and keeps some of its items.
type cutter struct {
	from, to int
	depth    int
	seen     int  // items so far
	any      bool // whether the message that was just cut keeps an item
}

// cut appends to out what is kept of a message. Parts of it that lead to no item
// that is kept are left out.
func (c *cutter) cut(out, message []byte, level int) ([]byte, error) {
	kept := false
	for len(message) > 0 {
		f, err := nextField(&message)
		switch {
		case err != nil:
			return nil, err
		case !f.leads(level):
			out = append(out, f.raw...)
		case level == c.depth-1:
			if c.from <= c.seen && c.seen < c.to {
				out, kept = append(out, f.raw...), true
			}
			c.seen++
		default:
			inner, err := c.cut(nil, f.inner(), level+1)
			if err != nil {
				return nil, err
			}
			if c.any {
				out = protowire.AppendBytes(protowire.AppendTag(out, f.number, f.kind), inner)
				kept = true
			}
		}
	}
	c.any = kept
	return out, nil
}
