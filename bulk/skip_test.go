package bulk

import (
	"fmt"
	"strings"
	"testing"
)

func TestSkipReasons(t *testing.T) {
	var s skips
	long := strings.Repeat("x", 100)
	for _, r := range []string{"old", "empty", "old", "", long, long} {
		s.find(r).n.Add(1)
	}
	want := []SkipCount{{"old", 2}, {"empty", 1}, {"", 1}, {long[:64], 2}}
	if got := s.list(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("skips = %v, want %v", got, want)
	}
	for i := range 2 * maxReasons {
		s.find(fmt.Sprint("reason", i)).n.Add(1)
	}
	list := s.list()
	if n := len(list); n != maxReasons+1 {
		t.Fatalf("%d reasons, want %d", n, maxReasons+1)
	}
	if got, want := list[maxReasons], (SkipCount{other, 2*maxReasons - (maxReasons - 4)}); got != want {
		t.Errorf("the rest = %v, want %v", got, want)
	}
	if got := s.total(); got != 6+2*maxReasons {
		t.Errorf("total = %d, want %d", got, 6+2*maxReasons)
	}
}
