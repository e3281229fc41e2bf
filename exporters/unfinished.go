package exporters

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/otelmon/otelmon-go/internal/keys"
)

// unfinished keeps, for each bulk operation that runs, the span that tells of its
// end should the process die first: a file, with the request as it is to be sent.
// Progress renews it. The next process sends what it finds.
type unfinished struct {
	box *Outbox
	dir string

	mu      sync.Mutex
	running map[trace.SpanID]tracetest.SpanStub
}

const (
	unfinishedDir  = "running"
	half           = "~"  // ends the name of a file that is being written
	maxUnfinished  = 1000 // files; an operation beyond has none
	interrupted    = "interrupted"
	interruptedWhy = "the process ended before the operation"
)

// isOperation tells the spans that last as long as an operation or an hour of it.
func isOperation(name string) bool {
	return strings.HasPrefix(name, keys.SpanBulk+" ") || strings.HasPrefix(name, keys.SpanBulkChapter+" ")
}

// openUnfinished returns what an earlier process left behind.
func (b *Outbox) openUnfinished() (*unfinished, []os.DirEntry, error) {
	u := &unfinished{box: b, dir: filepath.Join(b.options.Dir, unfinishedDir), running: map[trace.SpanID]tracetest.SpanStub{}}
	if err := os.Mkdir(u.dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, nil, fmt.Errorf("keep operations that run: %w", err)
	}
	files, err := os.ReadDir(u.dir)
	if err != nil {
		return nil, nil, fmt.Errorf("read operations that were running: %w", err)
	}
	return u, files, nil
}

// send tells of what an earlier process left behind.
func (u *unfinished) send(files []os.DirEntry) {
	b := u.box
	for _, f := range files {
		path := filepath.Join(u.dir, f.Name())
		body, err := os.ReadFile(path)
		if strings.HasSuffix(path, half) {
			err = errors.New("was not finished")
		}
		if n, bad := count(Traces, body); err == nil && bad == nil && n == 1 && len(body) <= maxRequest {
			b.ledger.created(Traces).Add(1)
			b.keep(Traces, 1, body)
			b.options.Report(fmt.Errorf("an operation was interrupted, as its process died; its span %s is sent now", f.Name()))
		}
		_ = os.Remove(path) // or it is sent once more
	}
}

func (u *unfinished) started(span sdktrace.ReadOnlySpan) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.running) >= maxUnfinished {
		return
	}
	stub := tracetest.SpanStubFromReadOnlySpan(span)
	stub.Attributes = append(stub.Attributes, attribute.String(keys.BulkOperationResult, interrupted))
	stub.Status = sdktrace.Status{Code: codes.Error, Description: interruptedWhy}
	stub.EndTime = stub.StartTime
	u.running[stub.SpanContext.SpanID()] = stub
	u.write(stub)
}

// progressed takes over the counts of a progress event.
func (u *unfinished) progressed(record *sdklog.Record) {
	var counts []attribute.KeyValue
	id := ""
	record.WalkAttributes(func(a attribute.KeyValue) bool {
		switch a.Key {
		case keys.BulkOperationID:
			id = a.Value.AsString()
		case keys.BulkItemsOK, keys.BulkItemsFailed, keys.BulkItemsSkipped, keys.BulkItemsRetried, keys.BulkBytes:
			counts = append(counts, a)
		}
		return true
	})
	u.mu.Lock()
	defer u.mu.Unlock()
	for key, stub := range u.running {
		if !strings.HasPrefix(stub.Name, keys.SpanBulk+" ") || valueOf(stub.Attributes, keys.BulkOperationID) != id {
			continue
		}
		attrs := attribute.NewSet(append(stub.Attributes, counts...)...)
		stub.Attributes, stub.EndTime = attrs.ToSlice(), record.Timestamp()
		u.running[key] = stub
		u.write(stub)
	}
}

func valueOf(attrs []attribute.KeyValue, key string) string {
	for _, a := range attrs {
		if string(a.Key) == key {
			return a.Value.AsString()
		}
	}
	return ""
}

// ended is called when the span itself is kept.
func (u *unfinished) ended(id trace.SpanID) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if _, ok := u.running[id]; ok {
		delete(u.running, id)
		_ = os.Remove(u.path(id)) // or the operation is told as interrupted as well
	}
}

func (u *unfinished) path(id trace.SpanID) string { return filepath.Join(u.dir, id.String()) }

// write replaces the file at once. The directory is for this process alone.
func (u *unfinished) write(stub tracetest.SpanStub) {
	span := u.box.clean[Traces].span(stub.Snapshot())
	body, err := u.box.encoder.encodeSpans(context.Background(), nil, []sdktrace.ReadOnlySpan{span})
	path := u.path(stub.SpanContext.SpanID())
	if err == nil {
		err = os.WriteFile(path+half, body, 0o600)
	}
	if err == nil {
		err = os.Rename(path+half, path)
	}
	if err != nil {
		u.box.options.Report(fmt.Errorf("keep operations that run: %w", clean(err)))
	}
}
