package main

import (
	"context"
	"time"
)

// stopTimeout bounds what is still done when the program is told to end: a
// batch is committed, requests are answered, checks return.
const stopTimeout = 3 * time.Second

// grace returns a context that outlives ctx by stopTimeout.
func grace(ctx context.Context) (context.Context, context.CancelFunc) {
	lasting, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(stopTimeout, cancel) })
	return lasting, func() {
		stop()
		cancel()
	}
}
