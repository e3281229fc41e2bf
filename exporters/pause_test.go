package exporters

import (
	"testing"
	"testing/synctest"
	"time"
)

// However often a program flushes in an outage, the backend is soon asked again.
func TestFlushesDoNotLengthenThePauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLink(t, Traces)
		b := boxTo(t, "", Traces, l)
		l.set(outage)
		b.one(t, Traces, 0)
		for range 20 {
			if err := b.flush(t.Context(), Traces); err == nil {
				t.Fatal("flushed to a backend that is away")
			}
		}
		l.set(answer{})
		rest(t.Context(), time.Second)
		if len(l.arrived()) == 0 {
			t.Errorf("nothing arrived a second after the outage; asked at %v", l.asked)
		}
	})
}
