package exporters_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/otelmon/otelmon-go/exporters"
	"github.com/otelmon/otelmon-go/internal/files/filestest"
)

// A disk that never answers holds up neither flush nor close, which tells what
// may be lost. Nothing is, if it answers at last.
func TestDiskThatHangs(t *testing.T) {
	t.Parallel()
	for _, call := range []string{"write", "sync", "open", "read"} {
		t.Run(call, func(t *testing.T) {
			t.Parallel()
			at := listening(t)
			var disk filestest.Disk
			o := to(httpAt(at))
			o.Dir = filepath.Join(t.TempDir(), "spool")
			s := newSource(t, exporters.On(&disk, o))
			heal := make(chan struct{})
			hangs := filestest.Failing(call, context.Canceled)
			disk.Set(func(c, name string) error {
				if hangs(c, name) != nil {
					<-heal
				}
				return nil
			})
			for range 3 { // a collection of metrics would wait for the disk
				_, span := s.tracers.Tracer("test").Start(t.Context(), "0")
				span.End()
			}
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			_ = s.box.Flush(ctx)
			err := s.box.Close(ctx)
			if err == nil || !strings.Contains(err.Error(), "hangs") || !strings.Contains(err.Error(), "3 spans not delivered") {
				t.Errorf("close: %v", err)
			}
			if a := account(t, s.box, exporters.Traces); a.Pending != 3 {
				t.Errorf("%s", a)
			}
			close(heal)
			next := open(t, o)
			if a := account(t, next, exporters.Traces); a.Created != 3 || a.Pending != 3 {
				t.Errorf("after it: %s", a)
			}
			_ = next.Close(done())
		})
	}
}

// open opens an outbox when an earlier one has let go of the directory.
func open(t *testing.T, o exporters.Options) *exporters.Outbox {
	t.Helper()
	for {
		next, err := exporters.Open(t.Context(), o)
		if err == nil {
			return next
		}
		if !strings.Contains(err.Error(), "in use") {
			t.Fatal(err)
		}
		<-time.After(10 * time.Millisecond)
	}
}
