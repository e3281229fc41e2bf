package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"
)

// plant starts faults over an index in which "alpha" finds 30 files, and ends
// them with the test. They begin when begin is called.
func plant(t *testing.T, planted ...string) (f *faults, begin func()) {
	t.Helper()
	s := newStore(t)
	tree := fstest.MapFS{}
	for i := range 30 {
		tree[fmt.Sprintf("pkg%d/file.go", i)] = &fstest.MapFile{Data: []byte("package alpha // " + strings.Repeat("word ", i))}
	}
	index(t, s, tree)
	f, err := startFaults(t.Context(), planted, s)
	t.Cleanup(func() {
		if err := f.end(); err != nil {
			t.Error(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, total, err := f.find(t.Context(), alpha(t)); err != nil || total != 30 {
		t.Fatalf("before it begins: %d files, %v", total, err)
	}
	return f, func() {
		t.Helper()
		if err := f.beginAfter(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
	}
}

func alpha(t *testing.T) query {
	t.Helper()
	q, fault := parseQuery("alpha")
	if fault != "" {
		t.Fatal(fault)
	}
	return q
}

func TestFaultSlowQuery(t *testing.T) {
	spans, _ := record(t)
	f, begin := plant(t, slowQuery)
	begin()
	if results, total, err := f.find(t.Context(), alpha(t)); err != nil || len(results) != maxResults || total != 30 {
		t.Errorf("%d of %d files, %v", len(results), total, err)
	}
	queries := named(spans.Ended(), "SELECT search")
	before, after := queries[0], queries[1]
	if b, a := before.EndTime().Sub(before.StartTime()), after.EndTime().Sub(after.StartTime()); a < 5*b {
		t.Errorf("%v after %v", a, b)
	}
}

func TestFaultNPlusOne(t *testing.T) {
	spans, _ := record(t)
	f, begin := plant(t, nPlusOne)
	begin()
	if _, _, err := f.find(t.Context(), alpha(t)); err != nil {
		t.Error(err)
	}
	if n := len(named(spans.Ended(), "SELECT search")); n != 2+maxResults {
		t.Errorf("%d queries for two searches of %d files", n, maxResults)
	}
}

// TestFaultLock: while one search holds the lock, another does not get to ask.
func TestFaultLock(t *testing.T) {
	f, begin := plant(t, heldLock)
	begin()
	f.held.Lock()
	ended := make(chan error, 1)
	go func() { ended <- f.spell(t.Context(), alpha(t)) }()
	select {
	case err := <-ended:
		t.Errorf("asked without the lock: %v", err)
	case <-time.After(2 * spellingTime):
	}
	f.held.Unlock()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestFaultLeak(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &faults{planted: []string{leak}, store: newStore(t), ended: make(chan struct{})}
		if err := f.beginAfter(t.Context(), time.Minute); err != nil {
			t.Fatal(err)
		}
		if _, _, err := f.find(t.Context(), alpha(t)); err != nil {
			t.Fatal(err)
		}
		left := make(chan struct{})
		go func() {
			f.left.Wait()
			close(left)
		}()
		synctest.Wait()
		select {
		case <-left:
			t.Error("no goroutine is left")
		default:
		}
		if err := f.end(); err != nil {
			t.Error(err)
		}
	})
}

func TestFaultDependency(t *testing.T) {
	f, begin := plant(t, dependency)
	check := f.spelling.check()
	if err := check(t.Context()); err != nil {
		t.Errorf("before: %v", err)
	}
	begin()
	_, _, err := f.find(t.Context(), alpha(t))
	if unhealthy := check(t.Context()); !errors.Is(err, syscall.ECONNREFUSED) || unhealthy == nil {
		t.Errorf("search: %v, check: %v", err, unhealthy)
	}
}

func TestFaultErrors(t *testing.T) {
	f, begin := plant(t, errorsOwn)
	begin()
	if _, _, err := f.find(t.Context(), alpha(t)); err == nil {
		t.Error("a long answer was read from the cache")
	}
	if _, err := fromCache([]result{{Path: "short.go"}}); err != nil {
		t.Errorf("a short answer: %v", err)
	}
}

func TestFaultsEndBeforeTheyBegin(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	f, _ := plant(t, leak)
	if err := f.beginAfter(ctx, time.Hour); err != nil || f.begun.Load() {
		t.Errorf("%v, begun %v", err, f.begun.Load())
	}
}
