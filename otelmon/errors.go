package otelmon

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/otelmon/otelmon-go/exporters"
)

const (
	maxErrorText  = 1 << 10
	maxSevered    = 256 // bytes of a word that go with it
	maxErrorKinds = 20  // lines a pause, whatever a hostile server answers
	errorPause    = time.Minute
)

// errorHandler takes the errors that OpenTelemetry can return to nobody. They
// go to the console only, never into the pipeline that they speak of. The text
// may come from a server: it is cut, and the console handlers quote it. The
// same trouble is told once a minute, in the words that say what to do if there
// are any, and the next line counts what was left out.
type errorHandler struct {
	console slog.Handler
	mu      sync.Mutex
	since   time.Time
	told    map[string]bool
	left    int
}

func newErrorHandler(console slog.Handler) *errorHandler {
	return &errorHandler{console: console, told: map[string]bool{}}
}

// Handle implements otel.ErrorHandler.
func (h *errorHandler) Handle(err error) {
	if err == nil {
		return
	}
	text, cause := strings.ToValidUTF8(shorten(err.Error()), "�"), ""
	if hint := exporters.Explain(err); hint != "" {
		text, cause = hint, text
	}
	left, tell := h.admit(kind(text), time.Now())
	if !tell {
		return
	}
	r := slog.NewRecord(time.Now(), slog.LevelWarn, "telemetry: "+text, 0)
	if cause != "" {
		r.AddAttrs(slog.String("cause", cause))
	}
	if left > 0 {
		r.AddAttrs(slog.Int("left_out", left))
	}
	_ = h.console.Handle(context.Background(), r)
}

// admit tells whether trouble of this kind is new in this pause, and how much
// was left out before.
func (h *errorHandler) admit(kind string, now time.Time) (left int, tell bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if now.Sub(h.since) >= errorPause {
		h.since = now
		clear(h.told)
	}
	if h.told[kind] || len(h.told) >= maxErrorKinds {
		h.left++
		return 0, false
	}
	h.told[kind] = true
	left, h.left = h.left, 0
	return left, true
}

// kind is the text without its digits, so that counts, ports and ids do not
// make every line a new one.
func kind(text string) string {
	if len(text) > 256 {
		text = text[:256]
	}
	return strings.Map(func(r rune) rune {
		if '0' <= r && r <= '9' {
			return -1
		}
		return r
	}, text)
}
