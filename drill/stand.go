package drill

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/otelmon/otelmon-go/exporters"
)

// stand stands in for the backend, or before it, over HTTP and gRPC at the same
// address, with whatever is wrong on the way to it. It knows each item that was
// taken.
type stand struct {
	address string
	key     string  // of whoever may use the way to the backend
	beyond  *beyond // nil if the stand itself takes what comes
	served  sync.WaitGroup

	mu     sync.Mutex
	server *http.Server // nil while it is away
	fault  fault        // nil if there is none
	resets bool
	cuts   [3]bool       // signals whose next request is taken without an answer
	broken chan struct{} // closed when the fault ends
	said   string        // by the backend, to the newest request that it did not take
	taken  [3]map[string]int64
}

// fault answers a request in place of the stand, or leaves it to it.
type fault func(answering, request) bool

// hang holds a request until the fault ends or its sender gives up.
func hang(w answering, _ request) bool {
	select {
	case <-w.gone:
	case <-w.healed:
	}
	panic(http.ErrAbortHandler) // breaks the connection without an answer
}

// dally holds a request for a while.
func dally(w answering, _ request) bool {
	select {
	case <-time.After(slowness):
		return false
	case <-w.gone:
		return true
	}
}

// refuse answers with a status, and asks to wait if after is not 0.
func refuse(status int, code codes.Code, after time.Duration) fault {
	return func(w answering, _ request) bool {
		w.refuse(status, code, after)
		return true
	}
}

func newStand(ctx context.Context, beyond *beyond) (*stand, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &stand{address: l.Addr().String(), key: rand.Text(), beyond: beyond, broken: make(chan struct{})}
	for i := range s.taken {
		s.taken[i] = map[string]int64{}
	}
	s.serve(l)
	return s, nil
}

// serve must be called with mu held, or before anybody else knows s.
func (s *stand) serve(l net.Listener) {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	server := &http.Server{
		Handler: http.HandlerFunc(s.handle), Protocols: protocols, ReadHeaderTimeout: 10 * time.Second,
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			if s.isResetting() {
				sever(c)
			}
			return ctx
		},
	}
	s.server = server
	s.served.Go(func() { _ = server.Serve(l) }) // ends with Close
}

// leave refuses connections, and breaks those that there are.
func (s *stand) leave() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.server == nil {
		return nil
	}
	err := s.server.Close()
	s.server = nil
	return err
}

// fail makes requests meet the fault from now on.
func (s *stand) fail(f fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = f
}

// cut makes the next request of each signal go without an answer.
func (s *stand) cut() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cuts = [3]bool{true, true, true}
	return nil
}

// reset makes new connections end at once, and requests on others end theirs.
func (s *stand) reset() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.resets = true
	s.fault = func(answering, request) bool { panic(http.ErrAbortHandler) }
	return nil
}

func (s *stand) isResetting() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.resets
}

// sever has the system send a reset instead of an orderly end.
func sever(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = c.Close()
}

// heal ends whatever is broken. While the stand was away somebody may have got
// its port for a moment.
func (s *stand) heal(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault, s.resets = nil, false
	close(s.broken)
	s.broken = make(chan struct{})
	if s.server != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, settling/2)
	defer cancel()
	for {
		l, err := new(net.ListenConfig).Listen(ctx, "tcp", s.address)
		switch {
		case err == nil:
			s.serve(l)
			return nil
		case ctx.Err() != nil:
			return fmt.Errorf("listen again: %w", err)
		}
		rest(ctx, 50*time.Millisecond)
	}
}

func (s *stand) close() {
	_ = s.leave()
	s.served.Wait()
}

func (s *stand) handle(w http.ResponseWriter, req *http.Request) {
	if req.Header.Get(keyHeader) != s.key {
		http.Error(w, "this is for a drill alone", http.StatusForbidden)
		return
	}
	a, r, err := read(w, req)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	fault := s.fault
	a.healed, a.gone = s.broken, req.Context().Done()
	s.mu.Unlock()
	if fault != nil && fault(a, r) {
		return
	}
	if s.beyond != nil {
		s.pass(a, r, req)
		return
	}
	s.take(r.signal, r.ids)
	a.accept()
}

// take counts what was taken, and breaks the connection in place of an answer if
// that is to be cut.
func (s *stand) take(signal exporters.Signal, ids []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range ids {
		s.taken[signal][id]++
	}
	if s.cuts[signal] {
		s.cuts[signal] = false
		panic(http.ErrAbortHandler)
	}
}

// arrived is how many items were taken, and how many of them again.
func (s *stand) arrived(signal exporters.Signal) (once, again int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, times := range s.taken[signal] {
		once++
		again += times - 1
	}
	return once, again
}
