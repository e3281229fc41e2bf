package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

const (
	spansASecond = 5000
	clients      = 50
	pace         = time.Second * clients * spansEach / spansASecond // of one client
)

// load makes requests at an even pace, and returns how long each took from the
// time on at which it was due, so that a server that is slow hides nothing.
func load(ctx context.Context, c *child, d time.Duration) (took []time.Duration, errs []error) {
	var mu sync.Mutex
	var all sync.WaitGroup
	begin := time.Now()
	for i := range clients {
		all.Go(func() {
			due := begin.Add(pace * time.Duration(i) / clients)
			wait := time.NewTimer(0)
			defer wait.Stop()
			for n := 0; due.Sub(begin) < d && ctx.Err() == nil; n++ {
				wait.Reset(time.Until(due))
				<-wait.C
				_, err := c.get(ctx, fmt.Sprintf("/orders/%d", n))
				mu.Lock()
				took = append(took, time.Since(due))
				if err != nil {
					errs = append(errs, err)
				}
				mu.Unlock()
				due = due.Add(pace)
			}
		})
	}
	all.Wait()
	return took, errs
}

// part is the duration that a share of all does not exceed.
func part(took []time.Duration, share float64) time.Duration {
	if len(took) == 0 {
		return 0
	}
	slices.Sort(took)
	return took[int(share*float64(len(took)-1))]
}
