package oteltest

import (
	"context"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
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
	// RetryDelay is sent with a refusal over gRPC as RetryInfo.
	RetryDelay time.Duration
	// Only restricts the fault to the requests for which it returns true. They
	// hold their content whatever becomes of them. nil means all.
	Only func(Request) bool
}

// refusal is the error of a refusal over gRPC.
func (f Fault) refusal() error {
	s := status.New(f.Code, f.Message)
	if f.RetryDelay == 0 {
		return s.Err()
	}
	s, err := s.WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(f.RetryDelay)})
	if err != nil {
		return err
	}
	return s.Err()
}

// Fail makes every request from now on meet the fault.
func (r *Receiver) Fail(f Fault) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fault = f
}

// Heal ends the fault for requests from now on.
func (r *Receiver) Heal() { r.Fail(Fault{}) }

// faultFor returns what a request meets.
func (r *Receiver) faultFor(q Request) Fault {
	r.mu.Lock()
	fault := r.fault
	r.mu.Unlock()
	if fault.Only != nil && !fault.Only(q) {
		return Fault{}
	}
	return fault
}

// hang holds a request until its sender or the receiver gives up.
func (r *Receiver) hang(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-r.closed:
	}
}
