package pace

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestPaceRestsAsLongAsItWorks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const step = 10 * time.Microsecond
		var p Pace
		begun := time.Now()
		for range 10_000 {
			<-time.After(step) // the work
			p.Step()
		}
		worked, took := 10_000*step, time.Since(begun)
		if rested := took - worked; rested < worked*3/5 || rested > worked {
			t.Errorf("rested %v of %v", rested, took)
		}
	})
}

func TestPaceOfWhatTakesNoTimeRestsNever(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p Pace
		begun := time.Now()
		for range 10_000 {
			p.Step()
		}
		if took := time.Since(begun); took != 0 {
			t.Errorf("rested %v", took)
		}
	})
}
