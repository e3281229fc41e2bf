package bulk

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// memoryStore keeps states in memory; fail makes it fail.
type memoryStore struct {
	states map[string]string
	saves  int
	fail   error
}

func (m *memoryStore) Load(_ context.Context, job string) ([]byte, error) {
	return []byte(m.states[job]), m.fail
}

func (m *memoryStore) Save(_ context.Context, job string, state []byte) error {
	m.saves++
	if m.fail == nil {
		m.states[job] = string(state)
	}
	return m.fail
}

func TestCheckpointAfterAFailure(t *testing.T) {
	store := FileStore(filepath.Join(t.TempDir(), "new"))
	bad := errors.New("bad")
	var s sink
	fn := func(_ context.Context, batch []int) error {
		if batch[0] == 60 && s.times[60] == 0 {
			s.times[60]--
			return bad
		}
		s.take(batch)
		return nil
	}
	rep, err := Run(t.Context(), "op", numbers(100), fn, Workers(1), Batch(10), Checkpoint(store, "a/../b"))
	if !errors.Is(err, bad) || rep.Done != 60 {
		t.Fatalf("done = %d, error %v; want 60 and the failure", rep.Done, err)
	}
	s.times[60] = 0
	delete(s.times, 60)
	s.times[60] = 0
	ok := func(_ context.Context, batch []int) error { s.take(batch); return nil }
	rep, err = Run(t.Context(), "op", numbers(100), ok, Workers(1), Batch(10), Checkpoint(store, "a/../b"))
	if err != nil || rep.Skipped != 60 || rep.OK != 40 || rep.Done != 100 {
		t.Errorf("%v, error %v; want 60 skipped and 40 ok", rep, err)
	}
	s.exactly(t, 100, 1)
	rep, err = Run(t.Context(), "op", numbers(100), ok, Checkpoint(store, "a/../b"))
	if err != nil || rep.Skipped != 100 || rep.OK != 0 {
		t.Errorf("a complete job: %v, error %v; want all skipped", rep, err)
	}
	rep, err = Run(t.Context(), "op", numbers(100), ok, Checkpoint(store, "other"))
	if err != nil || rep.OK != 100 {
		t.Errorf("another job: %v, error %v; want 100 ok", rep, err)
	}
}

// What an earlier run has done beyond a gap must be kept while the next one has
// not come to it.
func TestCheckpointKeepsWhatItHasNotReached(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &memoryStore{states: map[string]string{"job": `{"read":1000,"open":[[3,5],[700,710]]}`}}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		slow := func(yield func(int) bool) {
			for i := range 1000 {
				if i == 500 {
					<-ctx.Done()
				}
				if !yield(i) {
					return
				}
			}
		}
		_, err := Run(ctx, "op", slow, One(func(_ context.Context, v int) error {
			if v == 4 {
				return errors.New("fails")
			}
			return nil
		}), Retry(1000), Checkpoint(store, "job"))
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		if got, want := store.states["job"], `{"read":1000,"open":[[4,5],[700,710]]}`; got != want {
			t.Errorf("state = %s, want %s", got, want)
		}
		if store.saves < 60 {
			t.Errorf("%d saves in a minute", store.saves)
		}
	})
}

func TestCheckpointErrors(t *testing.T) {
	fn := func(context.Context, []int) error { return nil }
	broken := errors.New("no disk")
	rep, err := Run(t.Context(), "op", numbers(5), fn, Checkpoint(&memoryStore{fail: broken}, "job"))
	if !errors.Is(err, broken) || rep.Result != Failed || rep.Items() != 0 {
		t.Errorf("load: %v, error %v", rep, err)
	}
	store := &memoryStore{states: map[string]string{"job": "{"}}
	if _, err = Run(t.Context(), "op", numbers(5), fn, Checkpoint(store, "job")); !errors.Is(err, errDamaged) {
		t.Errorf("damaged: error %v", err)
	}
	store = &memoryStore{states: map[string]string{}}
	rep, err = Run(t.Context(), "op", numbers(5), func(context.Context, []int) error { store.fail = broken; return nil },
		Workers(1), Checkpoint(store, "job"))
	if !errors.Is(err, broken) || rep.Result != Failed || rep.OK != 5 {
		t.Errorf("save: %v, error %v", rep, err)
	}
}

func FuzzProgress(f *testing.F) {
	f.Add([]byte(`{"read":1000,"open":[[3,5],[700,710]]}`), int64(4))
	f.Add([]byte(`{"read":-1}`), int64(0))
	f.Add([]byte(`{"open":[[5,3]]}`), int64(0))
	f.Fuzz(func(t *testing.T, state []byte, at int64) {
		p, err := parseProgress(state)
		if err != nil {
			return
		}
		if p.Read < 0 || p.watermark() > p.Read {
			t.Fatalf("%s is taken for %+v", state, p)
		}
		inside := slices.ContainsFunc(p.Open, func(r [2]int64) bool { return r[0] <= at && at < r[1] })
		if want := at < p.Read && !inside; p.done(at) != want {
			t.Errorf("done(%d) = %v with %s", at, !want, state)
		}
	})
}

const (
	kills      = 100
	jobItems   = 40000
	jobWorkers = 4
	jobBatch   = 5
)

// TestSurvivesKills kills a process that runs a job, again and again, until
// the job is complete: no item may be missing, and what is done twice after a
// kill is what was in the works and what was done since the last save.
func TestSurvivesKills(t *testing.T) {
	t.Parallel()
	if dir := os.Getenv("BULK_TEST_JOB"); dir != "" {
		runJob(t, dir)
		return
	}
	dir := t.TempDir()
	killed, expected := 0, 0 // the latter items to be done again
	for {
		before := doneIn(t, dir)
		calls := jobItems // more than there are
		if killed < kills {
			calls = 1 + rand.IntN(jobItems/jobBatch/kills/2)
		}
		unsaved, dead := killJob(t, dir, calls)
		if !dead {
			break
		}
		killed++
		state, err := FileStore(dir).Load(t.Context(), "job")
		p, parsed := parseProgress(state)
		if err := errors.Join(err, parsed); err != nil {
			t.Fatal(err)
		}
		again := 0
		for v, n := range doneIn(t, dir) {
			if !p.done(int64(v)) && n > before[v] {
				again++
			}
		}
		expected += again
		// There are twice those in the works: when the save began, and now.
		if most := unsaved + 2*jobWorkers*jobBatch; again > most {
			t.Errorf("kill %d: %d items are to be done again, want at most %d", killed, again, most)
		}
	}
	missing, twice := 0, 0
	for _, n := range doneIn(t, dir) {
		if n == 0 {
			missing++
		}
		twice += max(n-1, 0)
	}
	t.Logf("%d kills, %d of %d items done again", killed, twice, jobItems)
	if missing > 0 || twice > expected || killed < kills {
		t.Errorf("%d items are missing after %d kills, %d were done again, expected were %d", missing, killed, twice, expected)
	}
}

// killJob runs the job, has it killed after so many calls, and returns how many
// items were done since the save before the last one.
func killJob(t *testing.T, dir string, left int) (unsaved int, dead bool) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestSurvivesKills$")
	cmd.Env = append(os.Environ(), "BULK_TEST_JOB="+dir, "BULK_TEST_CALLS="+strconv.Itoa(left))
	out, err := cmd.StdoutPipe()
	if err := errors.Join(err, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	during := 0
	for lines := bufio.NewScanner(out); lines.Scan(); {
		switch lines.Text() {
		case "did":
			unsaved, during = unsaved+jobBatch, during+jobBatch
		case "saved": // is what was done when the one before had ended, or later
			unsaved, during = during, 0
		}
	}
	return unsaved, cmd.Wait() != nil
}

// doneIn returns how often each item was done.
func doneIn(t *testing.T, dir string) []int {
	t.Helper()
	lines, err := os.ReadFile(filepath.Join(dir, "done"))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	times := make([]int, jobItems)
	for line := range strings.Lines(string(lines)) {
		v, err := strconv.Atoi(strings.TrimSpace(line))
		if err != nil {
			t.Fatal(err)
		}
		times[v]++
	}
	return times
}

// runJob is what the killed process does. It says what it does.
func runJob(t *testing.T, dir string) {
	t.Helper()
	done, err := os.OpenFile(filepath.Join(dir, "done"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer done.Close()
	calls, err := strconv.Atoi(os.Getenv("BULK_TEST_CALLS"))
	if err != nil {
		t.Fatal(err)
	}
	var left atomic.Int64
	left.Store(int64(calls))
	rep, err := Run(t.Context(), "op", numbers(jobItems), func(_ context.Context, batch []int) error {
		var lines strings.Builder
		for _, v := range batch {
			fmt.Fprintln(&lines, v)
		}
		_, err := done.WriteString(lines.String()) // at once: a kill does not tear it
		fmt.Println("did")
		if left.Add(-1) == 0 { // from within, for a killer outside comes too late on a busy machine
			if self, err := os.FindProcess(os.Getpid()); err == nil {
				_ = self.Kill()
			}
			select {}
		}
		return err
	}, Workers(jobWorkers), Batch(jobBatch), Checkpoint(loudStore{FileStore(dir)}, "job"), CheckpointEvery(2*time.Millisecond))
	if err != nil || rep.Done != jobItems {
		t.Fatalf("%+v, error %v", rep, err)
	}
}

type loudStore struct{ FileStore }

func (s loudStore) Save(ctx context.Context, job string, state []byte) error {
	err := s.FileStore.Save(ctx, job, state)
	fmt.Println("saved")
	return err
}
