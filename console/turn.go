package console

import "context"

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
