package store

import (
	"cmp"
	"slices"
	"time"
)

// A child that ends after its parent was not waited for, unless it is by so
// little that the two only ended in the wrong order.
const (
	overlapLeast = time.Millisecond
	overlapShare = 100 // of the parent's duration, one part in so many
)

// node is a span in the tree of its trace, within the bounds of its parent.
type node struct {
	span       *Span
	start, end int64
	children   []*node
}

// follow fills in self times and the critical path. The spans are in tree
// order. The path goes back from the end of the last root: in each span the child
// that ended last before is what was waited for, and where none ran the span
// itself is.
func (t *Trace) follow() {
	top := &node{}
	above := []*node{top} // by depth
	for _, s := range t.Spans {
		n := &node{span: s, start: s.Start.UnixNano(), end: t.AsOf.UnixNano()}
		if s.End != nil {
			n.end = s.End.UnixNano()
		}
		n.end = max(n.end, n.start)
		above = append(above[:s.Depth+1], n)
		above[s.Depth].children = append(above[s.Depth].children, n)
		if s.Depth == 0 {
			if len(top.children) == 1 {
				top.start = n.start
			}
			top.start, top.end = min(top.start, n.start), max(top.end, n.end)
		}
	}
	top.measure()
	top.path(top.start, top.end)
}

// measure fills in the self times of n and all below: the time in which no
// child ran.
func (n *node) measure() {
	slices.SortFunc(n.children, func(a, b *node) int { return cmp.Compare(a.start, b.start) })
	free, at := int64(0), n.start
	for _, c := range n.children {
		if c.start >= n.end {
			break
		}
		free += max(0, c.start-at)
		at = max(at, c.end)
	}
	free += max(0, n.end-at)
	if n.span != nil {
		n.span.Self = inSeconds(free)
	}
	for _, c := range n.children {
		c.measure()
	}
}

// path marks what of n, between low and high, the trace waited for.
func (n *node) path(low, high int64) {
	slices.SortStableFunc(n.children, func(a, b *node) int { return cmp.Compare(b.end, a.end) })
	late := n.end + max((n.end-n.start)/overlapShare, int64(overlapLeast))
	at, own := high, int64(0)
	for _, c := range n.children {
		end := c.end
		if end > high && end <= late {
			end = high
		}
		start := max(c.start, low)
		if end > at || end <= start {
			continue
		}
		own += at - end
		c.path(start, end)
		at = start
	}
	own += at - low
	if n.span != nil {
		n.span.OnPath, n.span.PathSeconds = true, inSeconds(own)
	}
}

func inSeconds(nanos int64) Number { return Number(time.Duration(nanos).Seconds()) }
