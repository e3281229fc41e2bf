package console

import (
	"context"
	"runtime"
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

// sheet is what a page is drawn on. Drawing gives way to others that want to run.
type sheet struct {
	text   []byte
	writes int
}

// breath is how many writes are made before others may run: some microseconds of
// work.
const breath = 32

// Write implements io.Writer.
func (s *sheet) Write(b []byte) (int, error) {
	if s.writes++; s.writes%breath == 0 {
		runtime.Gosched()
	}
	s.text = append(s.text, b...)
	return len(b), nil
}
