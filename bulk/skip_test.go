package bulk

import (
	"context"
	"errors"
	"fmt"
	"slices"
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

// TestRunSkipsItems that the function calls skipped: they are done, but neither ok
// nor tried again, and what waits behind their key goes on.
func TestRunSkipsItems(t *testing.T) {
	bad := errors.New("bad")
	fn := func(_ context.Context, batch []int) error {
		var rest ItemErrors
		for i, v := range batch {
			switch v % 10 {
			case 0, 1, 2:
				rest = append(rest, ItemError{i, fmt.Errorf("looked: %w", Skipped("unchanged"))})
			case 3:
				rest = append(rest, ItemError{i, Skipped("empty")})
			case 4:
				rest = append(rest, ItemError{i, bad})
			}
		}
		return rest
	}
	store := &memoryStore{states: map[string]string{}}
	rep, err := Run(t.Context(), "op", numbers(100), fn, Workers(1), Batch(20), ErrorBudget(0.1), Total(100), Retry(1),
		MaxBytes(1000, func(int) int { return 1 }), Key(func(v int) string { return fmt.Sprint(v % 10) }), Checkpoint(store, "job"))
	if err != nil || rep.OK != 50 || rep.Skipped != 40 || rep.Failed != 10 || rep.Retried != 10 || rep.Bytes != 50 {
		t.Errorf("%v with %d bytes, error %v", rep, rep.Bytes, err)
	}
	if want := []SkipCount{{"unchanged", 30}, {"empty", 10}}; !slices.Equal(rep.Skips, want) {
		t.Errorf("skipped %v, want %v", rep.Skips, want)
	}
	if rep.Done != 100 || store.states["job"] != `{"read":100}` {
		t.Errorf("%d done, saved %s", rep.Done, store.states["job"])
	}
	all, err := Run(t.Context(), "op", numbers(3), func(context.Context, []int) error { return Skipped("old") }, Batch(3))
	if err != nil || all.Skipped != 3 || all.OK != 0 {
		t.Errorf("a batch that is skipped: %v, error %v", all, err)
	}
}
