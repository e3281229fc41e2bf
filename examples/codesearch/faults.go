package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/otelmon/otelmon-go/health"
	"github.com/otelmon/otelmon-go/health/checkers"
	"github.com/otelmon/otelmon-go/otelmon"
)

// What -fault plants: mistakes that programs have, made for real, so that one
// can watch the console, the command and a model find them.
const (
	slowQuery  = "slow-query"
	nPlusOne   = "n-plus-one"
	heldLock   = "lock"
	leak       = "leak"
	dependency = "dependency"
	errorsOwn  = "errors"
)

// plantable says what each fault is, in the words of -help.
func plantable() [][2]string {
	return [][2]string{
		{slowQuery, "the query of a search counts to a few hundred thousand before it answers"},
		{nPlusOne, "a search makes a query more for each file that it found"},
		{heldLock, "a search holds a mutex while it asks the spelling service"},
		{leak, "each search leaves goroutines behind that never end"},
		{dependency, "the spelling service, without which nothing is searched, refuses connections"},
		{errorsOwn, "a cache cuts answers of more than a kilobyte short"},
	}
}

// parseFaults reads the list of -fault.
func parseFaults(list string) ([]string, error) {
	var names []string
	for name := range strings.SplitSeq(list, ",") {
		name = strings.TrimSpace(name)
		switch {
		case name == "":
			continue
		case !slices.ContainsFunc(plantable(), func(p [2]string) bool { return p[0] == name }):
			return nil, fmt.Errorf("there is no fault %q; see -help", name)
		}
		names = append(names, name)
	}
	return names, nil
}

// finder searches, as store.find does.
type finder func(context.Context, query) ([]result, int, error)

// faults is a finder with faults, which begin after a while. Until then it does
// the same work as afterwards, but well.
type faults struct {
	planted  []string
	store    *store
	spelling *spelling // nil when no fault needs it

	begun atomic.Bool
	held  sync.Mutex
	ended chan struct{} // with the program, so that its tests leave nothing behind
	left  sync.WaitGroup
}

// startFaults plants faults. end has to be called, also after an error.
func startFaults(ctx context.Context, planted []string, s *store) (_ *faults, err error) {
	f := &faults{planted: planted, store: s, ended: make(chan struct{})}
	if slices.Contains(planted, heldLock) || slices.Contains(planted, dependency) {
		f.spelling, err = startSpelling(ctx)
	}
	return f, err
}

// register adds the check of the spelling service, if there is one.
func (f *faults) register(checks *health.Registry) error {
	if f.spelling == nil {
		return nil
	}
	return checks.Register(health.Check{Name: "spelling", Func: f.spelling.check(), Interval: 2 * time.Second, Critical: true})
}

// beginAfter waits for the time of the faults, if there are any, or until ctx ends.
func (f *faults) beginAfter(ctx context.Context, after time.Duration) error {
	if len(f.planted) == 0 {
		return nil
	}
	wait := time.NewTimer(after)
	defer wait.Stop()
	select {
	case <-ctx.Done():
		return nil
	case <-wait.C:
	}
	f.begun.Store(true)
	if f.is(dependency) {
		return f.spelling.Close()
	}
	return nil
}

// end lets go of what the faults hold.
func (f *faults) end() error {
	close(f.ended)
	f.left.Wait()
	if f.spelling == nil {
		return nil
	}
	f.spelling.client.CloseIdleConnections()
	return errors.Join(f.spelling.Close(), <-f.spelling.done)
}

func (f *faults) is(name string) bool { return f.begun.Load() && slices.Contains(f.planted, name) }

// find searches with all that is wrong.
func (f *faults) find(ctx context.Context, q query) (results []result, total int, err error) {
	if f.is(leak) {
		for range 3 {
			f.left.Go(func() { <-f.ended })
		}
	}
	if f.spelling != nil {
		if err := f.spell(ctx, q); err != nil {
			return nil, 0, err
		}
	}
	look := findFiles()
	if f.is(slowQuery) {
		look = findSlowly()
	}
	results, total, err = f.store.findBy(ctx, look, q)
	if err == nil && f.is(nPlusOne) {
		err = f.countMentions(ctx, results)
	}
	if err == nil && f.is(errorsOwn) {
		results, err = fromCache(results)
	}
	return results, total, err
}

// spell asks how the words are spelt. The lock would be for a cache.
func (f *faults) spell(ctx context.Context, q query) error {
	if f.is(heldLock) {
		f.held.Lock()
		defer f.held.Unlock()
	}
	wait := time.Duration(0)
	if slices.Contains(f.planted, heldLock) {
		wait = spellingTime
	}
	return f.spelling.ask(ctx, q, wait)
}

// findSlowly is a query to which somebody has added a recursive part that
// nobody has tried with many rows.
func findSlowly() selection {
	return selection{"search", `WITH RECURSIVE step(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM step WHERE n < 400000)
SELECT path, body, total FROM (` + findFiles().text + `) WHERE (SELECT count(*) FROM step) > 0`}
}

// countMentions counts for each file which others name it.
func (f *faults) countMentions(ctx context.Context, results []result) error {
	for _, r := range results {
		err := f.store.read.each(ctx, selection{"search", `SELECT count(*) FROM search WHERE search MATCH ?`}, func(rows *sql.Rows) error {
			var n int
			return rows.Scan(&n)
		}, term{text: path.Base(r.Path)}.expression())
		if err != nil {
			return err
		}
	}
	return nil
}

// cacheSize is the most that the cache keeps of an answer.
const cacheSize = 1 << 10

func fromCache(results []result) (cached []result, err error) {
	b, err := json.Marshal(results)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(b[:min(len(b), cacheSize)], &cached); err != nil {
		return nil, fmt.Errorf("read a cached answer: %w", err)
	}
	return cached, nil
}

// spellingTime is how long the spelling service takes where a lock is held
// meanwhile: four searches a second, while five come.
const spellingTime = 250 * time.Millisecond

// spelling is a small HTTP service in this process that a search depends on, and
// the client of it.
type spelling struct {
	*server

	client *http.Client
}

const spellingURL = "http://spelling.internal/words"

func startSpelling(ctx context.Context) (*spelling, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start the spelling service: %w", err)
	}
	// The client finds the service by its name, as by DNS elsewhere.
	dial := func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, l.Addr().String())
	}
	return &spelling{
		server: serve(l, http.HandlerFunc(answerSpelling), func(error) {}),
		client: &http.Client{Transport: otelmon.Transport(&http.Transport{DialContext: dial, MaxIdleConnsPerHost: visitors})},
	}, nil
}

func answerSpelling(w http.ResponseWriter, r *http.Request) {
	d, _ := time.ParseDuration(r.FormValue("wait")) // none when it is none
	wait := time.NewTimer(d)
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-r.Context().Done():
	}
	w.WriteHeader(http.StatusNoContent)
}

func (s *spelling) check() func(context.Context) error {
	return checkers.HTTP(spellingURL, checkers.HTTPOptions{Client: s.client})
}

func (s *spelling) ask(ctx context.Context, q query, wait time.Duration) error {
	parameters := url.Values{"wait": {wait.String()}, "word": q.marks}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, spellingURL+"?"+parameters.Encode(), http.NoBody)
	if err != nil {
		return err
	}
	res, err := s.client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	return err
}
