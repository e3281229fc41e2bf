package main

import (
	"context"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/otelmon/otelmon-go/otelmon"
)

// pace is the time between two requests of the traffic generator. A slow server
// gets fewer, and never more at once than there are visitors.
const (
	pace     = 200 * time.Millisecond
	visitors = 6
)

// wanted is what the generator searches for: mostly what is found, sometimes
// what is not, and now and then what is no query.
func wanted() []string {
	return []string{
		"ListenAndServe", "context canceled", `"func main("`, "sync.Mutex", "path:net/http Handler", "Unmarshal",
		"io.Reader -test", "goroutine leak", `"binary search"`, "errors.Join", "SHA256", "regexp Compile",
		"garbage collector", "WaitGroup", "http2 frame", "path:strings unicode", "LoadLocation", "xyzzy plugh", "if",
	}
}

// traffic searches like visitors do, until ctx ends.
func traffic(ctx context.Context, base string, logger *slog.Logger) {
	client := &http.Client{Transport: otelmon.Transport(nil), Timeout: searchTimeout}
	defer client.CloseIdleConnections()
	tick := time.NewTicker(pace)
	defer tick.Stop()
	var all sync.WaitGroup
	for range visitors {
		all.Go(func() { visits(ctx, client, base, tick.C, logger) })
	}
	all.Wait()
}

// visits is one visitor, who searches when it is time and nobody else does.
func visits(ctx context.Context, client *http.Client, base string, tick <-chan time.Time, logger *slog.Logger) {
	queries := wanted()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick:
			if ctx.Err() != nil {
				return
			}
		}
		address := base + "/search?format=json&q=" + url.QueryEscape(queries[rand.IntN(len(queries))])
		if err := visit(context.WithoutCancel(ctx), client, address); err != nil {
			logger.WarnContext(ctx, "traffic: "+err.Error())
		}
	}
}

// visit is one request, to its end. Its span is the root of a trace that goes
// through client, server and database.
func visit(ctx context.Context, client *http.Client, address string) (err error) {
	ctx, end := otelmon.Begin(ctx, "codesearch.visit")
	defer end(&err)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	return err
}
