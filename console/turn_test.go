package console

import (
	"context"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
)

func TestOneAnswerIsMadeAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Options{})
		h := r.Handler()
		r.turns <- struct{}{} // somebody's answer is being made
		var mu sync.Mutex
		var answered []int
		for _, path := range []string{"/", "/logs", "/api/summary"} {
			go func() {
				w := get(h, path)
				mu.Lock()
				defer mu.Unlock()
				answered = append(answered, w.Code)
			}()
		}
		stream, stop := follow(t, h, "at=logs")
		defer stop()
		synctest.Wait()
		if n, _ := stream.received(); len(answered) > 0 || n > 0 {
			t.Errorf("answered at the same time: %v, %d events", answered, n)
		}
		<-r.turns
		synctest.Wait()
		if n, _ := stream.received(); !slices.Equal(answered, []int{200, 200, 200}) || n != 1 {
			t.Errorf("answered %v, %d events", answered, n)
		}
	})
}

func TestWhoLeavesGivesUpTheTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Options{})
		h := r.Handler()
		r.turns <- struct{}{}
		ctx, cancel := context.WithCancel(t.Context())
		w := httptest.NewRecorder()
		q := streamRequest(ctx, "")
		q.URL.Path = "/api/summary"
		done := make(chan struct{})
		go func() {
			defer close(done)
			h.ServeHTTP(w, q)
		}()
		synctest.Wait()
		cancel()
		<-done
		if w.Body.Len() > 0 {
			t.Errorf("made for nobody: %s", w.Body)
		}
		<-r.turns
		if w := get(h, "/api/summary"); w.Code != 200 {
			t.Errorf("status %d after it", w.Code)
		}
	})
}

func TestPanicEndsTheTurn(t *testing.T) {
	turns := make(turns, 1)
	func() {
		defer func() { _ = recover() }()
		turns.do(t.Context(), func() { panic("drawing") })
	}()
	if !turns.do(t.Context(), func() {}) {
		t.Error("nobody's turn any more")
	}
}
