package exporters

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

const (
	userAgent   = "otelmon"
	batchHeader = "Otelmon-Batch-Id" // the same for every attempt, so that a receiver can drop what it has
	maxResponse = 4 << 20            // bytes of an answer to a batch that was taken
	maxRefusal  = 4 << 10            // bytes of an answer that says why it was not
	maxAfter    = 10 * time.Minute   // what a server may ask to wait at most
)

// answerKind is what is to be done with a batch after an attempt.
type answerKind uint8

const (
	// kindRetry keeps the batch: the receiver is away or busy. It comes first so
	// that an answer nobody filled in loses nothing.
	kindRetry answerKind = iota
	// kindDelivered is done, but for the items that the answer counts as rejected.
	kindDelivered
	// kindHold keeps the batch as well, but only a person or a rotated secret
	// heals it, so there is no hurry: credentials, TLS, a wrong port or path.
	kindHold
	// kindRefused means that the batch itself is at fault.
	kindRefused
)

// String returns the kind's name.
func (k answerKind) String() string {
	return [...]string{"retry", "delivered", "hold", "refused"}[k]
}

// answer is what came of one attempt to send a batch.
type answer struct {
	kind     answerKind
	rejected int64         // items of a delivered batch that the backend says it did not take
	after    time.Duration // what the server asked to wait; 0 if it did not
	tooLarge bool          // refused for its size
	// suspect says of a retry that the fault may as well lie in the batch: an
	// internal error, which a record can cause that the backend trips over.
	suspect bool
	// err tells why, in one line of at most 1 KiB without secrets. A delivered
	// batch has one too if the backend said something.
	err error

	denied bool // the credentials were not taken
}

// sender takes batches of one signal to one endpoint. It is safe for concurrent
// use and starts no goroutine that outlives close, which the owner calls once
// after the last send.
type sender struct {
	endpoint Endpoint
	signal   Signal

	mu      sync.Mutex
	current *way
	files   *watched // the certificates of current
	token   *token   // nil without TokenFile
	secrets []string // of the headers and of the tokens, the newest and the one before
	vain    int      // batches in a row of which nothing was taken
}

// way is an open way to the endpoint. After a certificate has changed another
// takes its place, and it is closed when its last attempt has ended.
type way struct {
	carrier carrier
	users   int
	retired bool
}

// carrier brings bytes to the receiver over one protocol. Its errors may hold
// what the receiver said as it is.
type carrier interface {
	carry(ctx context.Context, body []byte, batch, token string) answer
	close()
}

// sender returns a sender for one signal. Nothing is dialled yet. The error is
// that of [Endpoint.Validate].
func (e Endpoint) sender(signal Signal) (*sender, error) {
	if err := e.Validate(); err != nil {
		return nil, err
	}
	s := &sender{endpoint: e, signal: signal, files: newWatched(e.CertificateFile, e.ClientCertificateFile, e.ClientKeyFile)}
	s.secrets = secretsOf(e.Headers)
	if e.TokenFile != "" {
		s.token = newToken(e.TokenFile)
		_ = s.refreshToken() // was right a moment ago; if not, send says so
	}
	_, _ = s.files.changed() // open reads them as well and says which field is wrong
	var err error
	s.current, err = s.open()
	return s, err
}

// open makes a way with the certificate files as they are now.
func (s *sender) open() (*way, error) {
	e := s.endpoint
	e.TokenFile = "" // is no part of the way
	t, err := e.target()
	if err != nil {
		return nil, err
	}
	if e.Protocol == ProtocolGRPC {
		carrier, err := e.overGRPC(t, s.signal)
		return &way{carrier: carrier}, err
	}
	return &way{carrier: e.overHTTP(t, s.signal)}, nil
}

// send makes one attempt to deliver body, an encoded OTLP request without
// compression. It returns when ctx is done or the endpoint's timeout is over,
// never panics and does not keep body. batch names the content for receivers
// that drop duplicates.
func (s *sender) send(ctx context.Context, body []byte, batch string) (a answer) {
	ctx, cancel := context.WithTimeout(ctx, s.endpoint.timeout())
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			a = answer{err: fmt.Errorf("%w: %v", errPanic, p)}
		}
		a.err = s.clean(a.err)
	}()
	token, fault := s.credentials()
	if s.token != nil && token == "" {
		return answer{kind: kindHold, err: fault}
	}
	a = s.attempt(ctx, body, batch, token)
	if a.denied && ctx.Err() == nil {
		// The token may have been rotated between reading and sending it, or
		// within the resolution of the file's time.
		if fresh, changed := s.renew(token); changed {
			a = s.attempt(ctx, body, batch, fresh)
		}
	}
	if a.kind != kindDelivered && fault != nil {
		a.err = errors.Join(a.err, fault)
	}
	return a
}

func (s *sender) attempt(ctx context.Context, body []byte, batch, token string) answer {
	w := s.enter()
	defer s.leave(w)
	a := w.carrier.carry(ctx, body, batch, token)
	if a.kind == kindHold {
		s.doubt()
	}
	return a
}

func (s *sender) enter() *way {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current.users++
	return s.current
}

func (s *sender) leave(w *way) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w.users--
	w.closeUnused()
}

// closeUnused closes a way that was replaced.
func (w *way) closeUnused() {
	if w.retired && w.users == 0 {
		w.carrier.close()
	}
}

// retire closes the current way as soon as nobody is on it.
func (s *sender) retire() {
	s.current.retired = true
	s.current.closeUnused()
}

// close ends the connections. A send that still runs ends with its context.
func (s *sender) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.retire()
}

// clean makes what was said fit for a log.
func (s *sender) clean(err error) error {
	s.mu.Lock()
	secrets := s.secrets
	s.mu.Unlock()
	return clean(err, secrets...)
}

// afterwards holds what a server asks to wait to what can be meant.
func afterwards(wish time.Duration) time.Duration { return min(max(wish, 0), maxAfter) }
