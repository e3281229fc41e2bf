package alert

import (
	"context"
	"errors"
	"net"
	"time"
)

// The classes of failures, beside the HTTP status codes: a closed set, for it
// stands on a metric as error.type.
const (
	classTimeout    = "timeout"
	classHung       = "hung"
	classPanic      = "panic"
	classAddress    = "address_refused"
	classConnection = "connection"
	classQueueFull  = "queue_full"
	classOther      = "_OTHER"
)

// A failure is why a notification was not accepted. It wraps nothing, because
// what the HTTP client returns quotes URLs, and those hold secrets.
type failure struct {
	text    string
	class   string
	refused bool          // another attempt would fail just so
	after   time.Duration // the receiver asked for that much patience
}

func (f *failure) Error() string { return f.text }

// failureOf classifies any receiver's error.
func failureOf(err error) *failure {
	if err == nil {
		return &failure{}
	}
	if f, ok := errors.AsType[*failure](err); ok {
		return f
	}
	return &failure{text: err.Error(), class: class(err)}
}

func class(err error) string {
	if _, refused := errors.AsType[*addressError](err); refused {
		return classAddress
	}
	if network, ok := errors.AsType[net.Error](err); errors.Is(err, context.DeadlineExceeded) || ok && network.Timeout() {
		return classTimeout
	}
	if _, ok := errors.AsType[*net.OpError](err); ok {
		return classConnection
	}
	return classOther
}
