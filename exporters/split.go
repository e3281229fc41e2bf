package exporters

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

// Requests are counted and cut as they are on the wire. Decoding them would cost
// more, and would fail for just the content that a backend trips over, such as
// text that is not UTF-8. Fields that are not known here stay where they are,
// and requests that were joined by writing one after the other are one request.

// path tells which fields lead from an export request to its items, level by
// level.
func (s Signal) path() [][]protowire.Number {
	path := [][]protowire.Number{
		{1}, // resource_spans, resource_metrics, resource_logs
		{2}, // scope_spans, scope_metrics, scope_logs
		{2}, // spans, metrics, log_records
	}
	if s == Metrics {
		path = append(path,
			[]protowire.Number{5, 7, 9, 10, 11}, // gauge, sum, histogram, exponential_histogram, summary
			[]protowire.Number{1})               // data_points
	}
	return path
}

// count returns how many items an export request holds: spans, metric data
// points or log records.
func count(signal Signal, body []byte) (int, error) {
	var c cutter
	_, err := c.cut(nil, body, signal.path())
	return c.seen, err
}

// split cuts a request after its first n items. Both parts hold the resources,
// scopes and metrics of their items; one of no items is empty. The parts have
// all items of body, in their order, and nothing of body is changed.
func split(signal Signal, body []byte, n int) (front, back []byte, err error) {
	if front, err = part(signal, body, 0, n); err != nil {
		return nil, nil, err
	}
	back, err = part(signal, body, n, maxItems)
	return front, back, err
}

const maxItems = int(^uint(0) >> 1)

// part returns a request with the items from the one at from up to, but not
// including, the one at to.
func part(signal Signal, body []byte, from, to int) ([]byte, error) {
	c := cutter{from: from, to: to}
	out, err := c.cut(nil, body, signal.path())
	if err != nil || !c.any {
		return nil, err
	}
	return out, nil
}

// cutter walks over a request and keeps some of its items.
type cutter struct {
	from, to int
	seen     int  // items so far
	any      bool // whether the message that was just cut keeps an item
}

// cut appends to out what is kept of a message. Parts of it that lead to no item
// that is kept are left out.
func (c *cutter) cut(out, message []byte, path [][]protowire.Number) ([]byte, error) {
	kept := false
	for len(message) > 0 {
		number, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return nil, fmt.Errorf("request cannot be read: %w", protowire.ParseError(n))
		}
		size := protowire.ConsumeFieldValue(number, kind, message[n:])
		if size < 0 {
			return nil, fmt.Errorf("request cannot be read: %w", protowire.ParseError(size))
		}
		field, value := message[:n+size], message[n:n+size]
		message = message[n+size:]
		switch {
		case kind != protowire.BytesType || !leads(path[0], number):
			out = append(out, field...)
		case len(path) == 1:
			if c.from <= c.seen && c.seen < c.to {
				out, kept = append(out, field...), true
			}
			c.seen++
		default:
			inner, _ := protowire.ConsumeBytes(value)
			fresh, err := c.cut(nil, inner, path[1:])
			if err != nil {
				return nil, err
			}
			if c.any {
				out = protowire.AppendBytes(protowire.AppendTag(out, number, kind), fresh)
				kept = true
			}
		}
	}
	c.any = kept
	return out, nil
}

func leads(numbers []protowire.Number, number protowire.Number) bool {
	for _, n := range numbers {
		if n == number {
			return true
		}
	}
	return false
}
