package console

import (
	"context"

	"github.com/otelmon/otelmon-go/internal/pace"
)

// turns lets one answer be made at a time. To read all that is kept and to draw
// it is work for a processor, and viewers ask in bursts: however many look, the
// application keeps all processors but one.
type turns chan struct{}

// do calls what makes an answer when it is its turn. It returns false, and does
// not call it, when ctx ended before.
func (t turns) do(ctx context.Context, answer func()) bool {
	select {
	case t <- struct{}{}:
	case <-ctx.Done():
		return false
	}
	defer func() { <-t }()
	if ctx.Err() != nil {
		return false
	}
	answer()
	return true
}

// sheet is what a page is drawn on. Drawing rests now and then.
type sheet struct {
	text []byte
	pace pace.Pace
}

// Write implements io.Writer.
func (s *sheet) Write(b []byte) (int, error) {
	s.pace.Step()
	s.text = append(s.text, b...)
	return len(b), nil
}
