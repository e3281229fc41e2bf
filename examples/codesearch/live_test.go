package main

import (
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/attribute"
)

// TestIndexingIsSeenLive: what an indexing has done leaves the process while it
// runs.
func TestIndexingIsSeenLive(t *testing.T) {
	spans, _ := record(t)
	synctest.Test(t, func(t *testing.T) {
		s := newStore(t)
		g := gate{
			FS:   fstest.MapFS{"a.go": {Data: []byte("package aaa")}, "b.go": {Data: []byte("package bbb")}},
			open: make(chan struct{}), shut: t.Context().Done(),
		}
		ended := make(chan error)
		go func() {
			_, err := (&indexer{store: s, source: g, root: "/tree"}).run(t.Context())
			ended <- err
		}()
		<-time.After(11 * time.Second)
		synctest.Wait()
		started, segments := named(spans.Ended(), "bulk.started"), named(spans.Ended(), "bulk.segment")
		if len(started) != 1 || len(segments) != 1 || len(named(spans.Ended(), "bulk "+operation)) != 0 {
			t.Errorf("after 11 s %d markers, %d segments", len(started), len(segments))
		}
		<-g.open
		<-g.open
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	root := named(spans.Ended(), "bulk "+operation)
	if len(root) != 1 {
		t.Fatalf("%d operations", len(root))
	}
	result := attribute.String("bulk.operation.result", "completed")
	found := false
	for _, a := range root[0].Attributes() {
		found = found || a == result
	}
	if !found {
		t.Errorf("no %v on %v", result, root[0].Attributes())
	}
	for _, name := range []string{"bulk.started", "bulk.segment", "bulk.stage read", "bulk.stage write", "codesearch.commit"} {
		for _, child := range named(spans.Ended(), name) {
			if child.Parent().SpanID() != root[0].SpanContext().SpanID() {
				t.Errorf("%s is no child of the operation", name)
			}
		}
		if len(named(spans.Ended(), name)) == 0 {
			t.Errorf("no span %s", name)
		}
	}
}
