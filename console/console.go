package console

import (
	"net/http"

	"github.com/otelmon/otelmon-go/console/store"
)

// Options configures a Console. The zero value is ready to use.
type Options struct {
	// MaxBytes bounds the telemetry that is kept, all signals together. The
	// default is 32 MiB, taken as it is needed; less than 4 MiB counts as
	// 4 MiB, more than 1 GiB as 1 GiB.
	MaxBytes int

	// AllowRemote decides about requests that do not come from this machine,
	// that a proxy seems to have passed on, or that name another host than
	// localhost. It must check who is asking: the console shows all telemetry.
	// Such requests are refused when it is nil, which is the default, or
	// returns false. It may be called concurrently.
	AllowRemote func(*http.Request) bool
}

// Console shows recent telemetry, which its [store.Store] keeps. It is a tap of
// otelmon.Config, and its three parts are ordinary OpenTelemetry processors and
// an ordinary reader for those who set up the SDK themselves. All methods are
// safe for concurrent use.
//
// One Console serves one set of providers, from their start to their shutdown;
// what it has is shown until the process ends.
type Console struct {
	*store.Store

	allowRemote func(*http.Request) bool
}

// New returns a Console with nothing in it. It starts no goroutine.
func New(o Options) *Console {
	return &Console{Store: store.New(o.MaxBytes), allowRemote: o.AllowRemote}
}
