package console

import (
	"context"
	"time"

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
	begun := time.Now()
	defer func() { t.pass(min(time.Since(begun), mostPause)) }()
	if ctx.Err() != nil {
		return false
	}
	answer()
	return true
}

// mostPause bounds the pause after an answer, which is as long as that took: not
// all of an answer can rest while it is made.
const mostPause = 5 * time.Millisecond

// pass gives the turn to the next one after a pause, for which nobody waits whose
// answer is made.
func (t turns) pass(pause time.Duration) {
	if pause == 0 {
		<-t
		return
	}
	time.AfterFunc(pause, func() { <-t })
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
