package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/otelmon/otelmon-go/bulk"
	"github.com/otelmon/otelmon-go/health"
)

// staleAfter is when an index is too old to be trusted without a word.
const staleAfter = 24 * time.Hour

// indexState is how far the index can be trusted. The indexer sets it, pages
// and the health check tell it.
type indexState struct {
	mu       sync.Mutex
	running  bool
	finished time.Time // of the last whole run, in this process or before; zero: never
	err      error     // of the last run
}

func (s *indexState) begin(finished time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running, s.finished = true, finished
}

func (s *indexState) end(finished time.Time, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running, s.finished, s.err = false, finished, err
}

// check is the health of the index. An old index is of use, so nothing here
// makes it unhealthy.
func (s *indexState) check(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.finished.IsZero() {
		health.Detail(ctx, attribute.String("indexed", s.finished.Format(time.RFC3339)))
	}
	switch {
	case s.running && s.finished.IsZero():
		return health.Degraded(errors.New("the first indexing is not finished, so searches miss files"))
	case s.running:
		return nil
	case s.err != nil:
		return health.Degraded(fmt.Errorf("the last indexing failed: %w", s.err))
	case s.finished.IsZero():
		return health.Degraded(errors.New("nothing was indexed yet"))
	case time.Since(s.finished) > staleAfter:
		return health.Degraded(errors.New("the index is older than a day; start codesearch again to renew it"))
	}
	return nil
}

// String says the same to those who search.
func (s *indexState) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.running:
		return progress()
	case s.err != nil:
		return "The last indexing failed, so results may be missing or old."
	}
	return ""
}

func progress() string {
	for _, op := range bulk.Live() {
		if op.Name == operation && op.Total > 0 {
			return fmt.Sprintf("Indexing: %d of %d files. Results are still growing.", op.Items(), op.Total)
		}
	}
	return "Indexing has begun. Results are still growing."
}
