package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	readers  = 5  // of pages, without scripts
	streams  = 5  // of pages, with them
	programs = 10 // that ask for JSON
	glance   = time.Second
)

// answers are what viewers were told.
type answers struct {
	mu   sync.Mutex
	took map[string][]time.Duration // by address, without those of streams
	news int                        // events of streams
	errs []error
}

// done notes an answer. What the viewer ended itself is none.
func (a *answers) done(ctx context.Context, address string, took time.Duration, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case ctx.Err() != nil:
	case err != nil:
		a.errs = append(a.errs, err)
	default:
		if a.took == nil {
			a.took = map[string][]time.Duration{}
		}
		a.took[address] = append(a.took[address], took)
	}
}

// slowest is the address whose answers take longest.
func (a *answers) slowest() (address string, p99 time.Duration) {
	for name, took := range a.took {
		if d := part(took, 0.99); d > p99 {
			address, p99 = name, d
		}
	}
	return address, p99
}

func (a *answers) count() (n int) {
	for _, took := range a.took {
		n += len(took)
	}
	return n
}

func pages() []string {
	return []string{"", "health", "operations", "traces", "logs", "metrics", "runtime", "control"}
}

// watch lets viewers look, each at one page after the other, until leave is
// called, which waits for them.
func watch(ctx context.Context, c *child, a *answers) (leave func()) {
	ctx, cancel := context.WithCancel(ctx)
	var all sync.WaitGroup
	for i := range readers {
		all.Go(func() {
			each(ctx, i, pages(), func(page string) {
				begun := time.Now()
				_, err := c.get(ctx, consolePath+page)
				a.done(ctx, cmp.Or(page, "overview"), time.Since(begun), err)
			})
		})
	}
	for i := range streams {
		all.Go(func() { follow(ctx, c, a, pages()[i%len(pages())]) })
	}
	for i := range programs {
		all.Go(func() { ask(ctx, c, a, i) })
	}
	return func() {
		cancel()
		all.Wait()
	}
}

// each calls do with one after the other, beginning with number i, at a pace.
func each(ctx context.Context, i int, list []string, do func(string)) {
	tick := time.NewTicker(glance)
	defer tick.Stop()
	for ; ctx.Err() == nil; i++ {
		do(list[i%len(list)])
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

// follow reads the stream of a page.
func follow(ctx context.Context, c *child, a *answers, page string) {
	res, err := c.open(ctx, consolePath+"stream?at="+page)
	if err != nil {
		a.done(ctx, "stream", 0, err)
		return
	}
	defer func() { _ = res.Body.Close() }()
	lines := bufio.NewReader(res.Body)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			a.done(ctx, "stream", 0, fmt.Errorf("stream of %q: %w", page, err))
			return
		}
		if strings.HasPrefix(line, "data: ") {
			a.mu.Lock()
			a.news++
			a.mu.Unlock()
		}
	}
}

// ask asks for all there is as JSON.
func ask(ctx context.Context, c *child, a *answers, i int) {
	var index struct{ Endpoints []string }
	if err := c.getJSON(ctx, consolePath+"api/", &index); err != nil {
		a.done(ctx, "api/", 0, err)
		return
	}
	if !slices.Contains(index.Endpoints, "api/diagnosis") {
		a.done(ctx, "api/", 0, errors.New("api/: diagnosis is missing"))
	}
	each(ctx, i, index.Endpoints, func(endpoint string) {
		begun := time.Now()
		path := endpoint
		if prefix, ok := strings.CutSuffix(endpoint, "{id}"); ok {
			var list struct {
				Traces []struct {
					ID string `json:"trace_id"`
				}
			}
			err := c.getJSON(ctx, consolePath+"api/traces?limit=1", &list)
			if err != nil || len(list.Traces) == 0 {
				a.done(ctx, endpoint, 0, errors.Join(err, errors.New("no trace is kept")))
				return
			}
			begun, path = time.Now(), prefix+list.Traces[0].ID
		}
		var answer any
		err := c.getJSON(ctx, consolePath+path, &answer)
		a.done(ctx, endpoint, time.Since(begun), err)
	})
}
