package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/otelmon/otelmon-go/bulk"
	"github.com/otelmon/otelmon-go/console"
	"github.com/otelmon/otelmon-go/health"
	"github.com/otelmon/otelmon-go/otelmon"
)

const consolePath = "/debug/otelmon/"

// app is what the parts of the program share.
type app struct {
	store  *store
	root   string
	source fs.FS // what lies below root
	state  indexState
	find   finder
	logger *slog.Logger
}

func newApp(s *store, root string, logger *slog.Logger) *app {
	return &app{store: s, root: root, source: os.DirFS(root), find: s.find, logger: logger}
}

// index brings the index up to date. That ctx ends is no error: the next run
// goes on from there.
func (a *app) index(ctx context.Context) error {
	finished, err := a.store.finished(ctx)
	a.state.begin(finished)
	var s bulk.Snapshot
	if err == nil {
		s, err = a.update(ctx)
	}
	message := "the index is up to date"
	switch {
	case err == nil:
		finished = time.Now()
	case ctx.Err() != nil:
		err = nil
		message = "indexing stopped; the next start goes on from here"
	}
	a.state.end(finished, err)
	if err != nil {
		return fmt.Errorf("indexing: %w", err)
	}
	a.logger.InfoContext(ctx, message,
		"found", s.Total, "indexed", s.OK, "skipped", s.Skipped, "failed", s.Failed, "took", s.Elapsed.Round(time.Millisecond).String())
	return nil
}

func (a *app) update(ctx context.Context) (bulk.Snapshot, error) {
	x := indexer{
		store: a.store, source: a.source, root: a.root,
		files: otelmon.NewGauge("codesearch.files", "{file}", "Files in the index."),
	}
	return x.run(ctx)
}

func (a *app) indexOnce(ctx context.Context, stdout io.Writer) error {
	fmt.Fprintf(stdout, "Indexing %s\ninto %s\n", a.root, a.store.path)
	return a.index(ctx)
}

// serve answers searches while it indexes and afterwards, until ctx ends.
func (a *app) serve(ctx context.Context, f flags, con *console.Console, stdout io.Writer) (err error) {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	lasting, release := grace(ctx)
	defer release()

	planted, err := startFaults(ctx, f.faults, a.store)
	defer func() { err = errors.Join(err, planted.end()) }()
	if err != nil {
		return err
	}
	a.find = planted.find
	checks := health.New(health.Options{})
	if err := errors.Join(register(checks, a.store, &a.state), planted.register(checks), checks.Start(lasting)); err != nil {
		return errors.Join(err, checks.Shutdown(lasting))
	}
	defer func() { err = errors.Join(err, checks.Shutdown(lasting)) }()

	l, instead, err := listen(ctx, f.addr)
	if err != nil {
		return err
	}
	if instead != "" {
		fmt.Fprintf(stdout, "%s; taking a free port instead.\n", instead)
	}
	if withdraw, err := con.Announce(baseURL(l.Addr()) + consolePath); err == nil { // otherwise the command otelmon needs -url
		defer withdraw()
	}
	web := serve(l, a.handler(checks, con.Handler()), fail)
	a.welcome(stdout, baseURL(l.Addr()), f)

	var jobs sync.WaitGroup
	jobs.Go(func() {
		if err := a.index(ctx); err != nil {
			a.logger.ErrorContext(ctx, err.Error())
		}
		// Only now: a search of a small index is fast, which is not what is usual.
		if f.traffic {
			jobs.Go(func() { traffic(ctx, baseURL(l.Addr()), a.logger) })
		}
		if err := planted.beginAfter(ctx, f.faultAfter); err != nil {
			fail(fmt.Errorf("begin the planted faults: %w", err))
		}
	})
	<-ctx.Done()
	err = web.stop(lasting)
	jobs.Wait()
	return err
}

func (a *app) handler(checks *health.Registry, con http.Handler) http.Handler {
	mux := http.NewServeMux()
	newSite(a).register(mux)
	probes := checks.Handler(health.ShowDetails(fromHere))
	mux.Handle("GET /livez", probes)
	mux.Handle("GET /readyz", probes)
	mux.Handle("GET /startupz", probes)
	mux.Handle(consolePath, con)
	return otelmon.Handler(mux, otelmon.Untraced(consolePath, "/page.css"))
}

func (a *app) welcome(stdout io.Writer, base string, f flags) {
	fmt.Fprintf(stdout, `
Indexing %s
into %s

  search   %s/
  console  %s%s   watch the indexing here, or ask: otelmon status
  health   %s/readyz?verbose

Ctrl-C stops it. The next start goes on with what is not indexed yet.

`, a.root, a.store.path, base, base, consolePath, base)
	if len(f.faults) > 0 {
		fmt.Fprintf(stdout, "Planted: %s, from %v after the indexing on.\n\n", strings.Join(f.faults, ", "), f.faultAfter)
	}
}
