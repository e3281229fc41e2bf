package console

import (
	"net/http"
	"sync"

	"github.com/otelmon/otelmon-go/console/store"
)

// Options configures a Console. The zero value is ready to use.
type Options struct {
	// MaxBytes bounds the telemetry that is kept, all signals together. The
	// default is 32 MiB, taken as it is needed; less than 4 MiB counts as
	// 4 MiB, more than 1 GiB as 1 GiB.
	MaxBytes int

	// ReadToken lets whoever presents it look at everything, from any machine:
	// as "Authorization: Bearer …", or typed into the login page, which sets a
	// cookie for twelve hours. When it is set, this machine needs it as well. A
	// token has at least 16 bytes; a shorter one lets nobody in. The default is
	// none: this machine may look, others may not.
	ReadToken string

	// ActToken is a ReadToken that also lets one change the log level and take
	// profiles. The default is none: nobody may, unless Authorize says so.
	ActToken string

	// Authorize says what a request may do that is not from this machine, that a
	// proxy seems to have passed on, that names another host than localhost, or
	// that has no token; it cannot take away what a token gives. It must check who
	// is asking: the console shows all telemetry. The default, nil, gives nothing.
	// It may be called concurrently.
	Authorize func(*http.Request) Scope
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

	access    access
	mounts    mounts
	level     logLevel
	profiling sync.Mutex
	diagnosed diagnosed
	turns     turns
}

// New returns a Console with nothing in it. It starts no goroutine.
func New(o Options) *Console {
	return &Console{Store: store.New(o.MaxBytes), access: newAccess(o), turns: make(turns, 1)}
}
