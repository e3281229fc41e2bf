package oteltest

import (
	"context"

	"google.golang.org/grpc/codes"
)

// Fault is how a receiver misbehaves. The zero value is no fault.
type Fault struct {
	// Hang accepts a request and never answers.
	Hang bool
	// Status and Code refuse with this HTTP status and this gRPC code. A zero
	// one does not refuse on its protocol.
	Status int
	Code   codes.Code
	// Message is the body or the status message of a refusal, and the error
	// message of a partial success.
	Message string
	// Header is sent with a refusal over HTTP, for example Retry-After.
	Header map[string]string
	// Rejected accepts but reports that many items as rejected.
	Rejected int64
}

// Fail makes every request from now on meet the fault.
func (r *Receiver) Fail(f Fault) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fault = f
}

// Heal ends the fault for requests from now on.
func (r *Receiver) Heal() { r.Fail(Fault{}) }

func (r *Receiver) current() Fault {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.fault
}

// hang holds a request until its sender or the receiver gives up.
func (r *Receiver) hang(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-r.closed:
	}
}
