package bulk

import (
	"testing"
	"testing/quick"
	"time"
)

func TestThinnerKeepsAnEvenFew(t *testing.T) {
	for _, n := range []int{0, 1, 95, 96, 97, 192, 193, 1000, 1_000_000} {
		checkThinner(t, n)
	}
	err := quick.Check(func(n uint16) bool { return checkThinner(t, int(n)) }, nil)
	if err != nil {
		t.Error(err)
	}
}

func checkThinner(t *testing.T, n int) bool {
	t.Helper()
	var th thinner[sample]
	for i := range n {
		th.add(sample{at: time.Unix(int64(i), 0)})
	}
	kept := th.kept
	if len(kept) > maxSamples || len(kept) < min(n, maxSamples/2) {
		t.Errorf("%d of %d samples kept", len(kept), n)
		return false
	}
	for i, s := range kept {
		if got, want := s.at.Unix(), int64(i*th.stride); got != want {
			t.Errorf("of %d samples, the kept %d is number %d, want %d", n, i, got, want)
			return false
		}
	}
	if len(kept) > 0 && int64(n)-kept[len(kept)-1].at.Unix() > int64(th.stride) {
		t.Errorf("of %d samples, the last kept is number %d", n, kept[len(kept)-1].at.Unix())
		return false
	}
	return true
}
