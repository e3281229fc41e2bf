package exporters

import "testing"

// A request above the limit is not lost before it is tried, and is counted when
// the next one pushes it out.
func TestRequestLargerThanMemory(t *testing.T) {
	lost := map[Signal]int64{}
	r := newRing(100, 1, func(_ int, s Signal, why Reason, items int64) {
		if why != Evicted {
			t.Errorf("lost as %s", why)
		}
		lost[s] += items
	})
	put := func(s Signal, bytes int) { _ = r.put(lane(s), parcel{items: 1, body: make([]byte, bytes)}) }
	put(Traces, 30)
	put(Logs, 1000)
	if w := r.backlog(0, lane(Logs)); lost[Logs] != 0 || w.parcels != 1 {
		t.Fatalf("%d lost, %d wait", lost[Logs], w.parcels)
	}
	put(Logs, 10)
	if lost[Logs] != 1 || lost[Traces] != 0 || r.bytes != 40 {
		t.Errorf("lost %v, %d bytes are left", lost, r.bytes)
	}
	put(Logs, 1000)
	if p, err := r.next(t.Context(), 0, lane(Logs)); err != nil || len(p.body) != 1000 || lost[Logs] != 2 {
		t.Errorf("read %d bytes, %v, lost %v", len(p.body), err, lost)
	}
}
