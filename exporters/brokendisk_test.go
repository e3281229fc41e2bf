package exporters_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/otelmon/otelmon-go/exporters"
	"github.com/otelmon/otelmon-go/exporters/spool"
	"github.com/otelmon/otelmon-go/internal/files/filestest"
	"github.com/otelmon/otelmon-go/internal/oteltest"
)

// activeStore is the one that the metric names.
func activeStore(t *testing.T, reader *sdkmetric.ManualReader) (name string) {
	t.Helper()
	var all metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	for _, m := range all.ScopeMetrics[0].Metrics {
		if m.Name != "otelmon.telemetry.store.active" {
			continue
		}
		for _, p := range m.Data.(metricdata.Gauge[int64]).DataPoints {
			if store, _ := p.Attributes.Value("otelmon.telemetry.store"); p.Value == 1 {
				name += store.AsString()
			}
		}
	}
	return name
}

func observed(t *testing.T, s *source) *sdkmetric.ManualReader {
	t.Helper()
	reader := sdkmetric.NewManualReader()
	if err := s.box.Observe(sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))); err != nil {
		t.Fatal(err)
	}
	return reader
}

// about counts the reports that speak of where telemetry waits.
func (r *reports) about(words string) (n int) {
	for _, err := range r.all() {
		if strings.Contains(err.Error(), words) {
			n++
		}
	}
	return n
}

// A disk that begins to fail is left for memory, is tried again after a pause and
// not before, and is gone back to. All of it is to be seen.
func TestBrokenDisk(t *testing.T) {
	for call, sync := range map[string]time.Duration{"write": 0, "open": 0, "sync": spool.SyncAlways} {
		t.Run(call, func(t *testing.T) {
			at, dir := listening(t), filepath.Join(t.TempDir(), "spool")
			var disk filestest.Disk
			o := to(httpAt(at))
			o.Dir, o.Sync, o.MaxAge = dir, sync, 8*time.Minute // segments of a minute
			synctest.Test(t, func(t *testing.T) {
				s := newSource(t, exporters.On(&disk, o))
				reader := observed(t, s)
				put := func(from, to int) { s.items(from, to, 0); _ = s.box.Flush(t.Context()) }
				put(0, 10)
				in := func(want string, fault error) {
					t.Helper()
					st := s.box.Status()
					if metric := activeStore(t, reader); st.Store != want || metric != want || !errors.Is(st.DiskFault, fault) || (fault == nil) != (st.DiskFault == nil) {
						t.Errorf("in %q, by the metric in %q, fault %v, want %q", st.Store, metric, st.DiskFault, want)
					}
				}
				in("disk", nil)
				<-time.After(2 * time.Minute)
				calls := 0
				disk.Set(func(c, name string) error {
					err := filestest.Failing(call, syscall.EIO)(c, name)
					if err != nil {
						calls++
					}
					return err
				})
				put(10, 20)
				in("memory", syscall.EIO)
				tried := calls
				put(20, 30)
				if tried == 0 || calls != tried {
					t.Errorf("the disk was tried %d times and then %d, without a pause", tried, calls)
				}
				<-time.After(11 * time.Second)
				put(30, 40)
				if calls == tried {
					t.Error("the disk was not tried again")
				}
				in("memory", syscall.EIO)
				disk.Set(nil)
				put(40, 50)
				in("memory", syscall.EIO)
				<-time.After(11 * time.Second)
				put(50, 60)
				in("disk", nil)
				if gone, back := s.told.about("waits in memory"), s.told.about("waits in the directory again"); gone != 1 || back != 1 {
					t.Errorf("told %d times of going and %d of coming back", gone, back)
				}
				for _, signal := range everySignal {
					if a := account(t, s.box, signal); a.Pending != 60 {
						t.Errorf("%s", a)
					}
				}
				_ = s.close(done()) // which costs what is in memory
				s.balance(t, 60)
			})
			delivers(t, o, start(t, at), 60, "abandoned", 40)
		})
	}
}

// delivers opens the directory once more and expects all but what was lost before
// to arrive.
func delivers(t *testing.T, o exporters.Options, r *oteltest.Receiver, made int, reason string, lost int64) {
	t.Helper()
	s := newSource(t, o)
	if err := s.close(t.Context()); err != nil {
		t.Error(err)
	}
	s.balance(t, made, r)
	for _, signal := range everySignal {
		if a := account(t, s.box, signal); a.Dropped[reason] != lost || a.Lost() != lost || a.Pending != 0 {
			t.Errorf("%s", a)
		}
	}
}

// What memory cannot hold while the disk fails is counted.
func TestBrokenDiskAndLittleMemory(t *testing.T) {
	r := start(t, oteltest.Options{})
	var disk filestest.Disk
	o := to(exporters.Endpoint{URL: r.HTTPURL()})
	o.Dir, o.MaxMemory = filepath.Join(t.TempDir(), "spool"), 8<<10
	s := newSource(t, exporters.On(&disk, o))
	r.Fail(oteltest.Fault{Status: 503})
	disk.Set(filestest.Failing("open", syscall.EIO))
	const n = 1000
	for i := 0; i < n; i += 20 {
		s.items(i, i+20, 1)
		_ = s.box.Flush(t.Context()) // or requests might be few and large
	}
	r.Heal()
	_ = s.box.Flush(t.Context())
	if err := s.close(t.Context()); err == nil || !strings.Contains(err.Error(), "evicted") {
		t.Errorf("close: %v", err)
	}
	s.balance(t, n, r)
	for _, signal := range everySignal {
		if a := account(t, s.box, signal); a.Dropped["evicted"] == 0 || a.Lost() != a.Dropped["evicted"] || a.Delivered == 0 || a.Pending != 0 {
			t.Errorf("%s", a)
		}
	}
}

// What is in memory as the disk fails is lost with the process, so a close is as
// patient as without a directory.
func TestCloseWithABrokenDisk(t *testing.T) {
	r := start(t, oteltest.Options{})
	var disk filestest.Disk
	o := to(exporters.Endpoint{URL: r.HTTPURL()})
	o.Dir = filepath.Join(t.TempDir(), "spool")
	s := newSource(t, exporters.On(&disk, o))
	s.items(0, 10, 0)
	if err := s.box.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	disk.Set(filestest.Failing("write", syscall.EIO))
	var refused atomic.Int64
	r.Fail(oteltest.Fault{Status: 503, Only: func(q oteltest.Request) bool {
		return len(q.Traces.GetResourceSpans()) > 0 && refused.Add(1) <= 4
	}})
	s.items(10, 20, 0)
	if err := s.box.Close(t.Context()); err != nil {
		t.Error(err)
	}
	s.balance(t, 20, r)
}

// What cannot be read back is counted once it is given up, and what comes after
// it is delivered.
func TestUnreadableDisk(t *testing.T) {
	at := listening(t)
	o := to(httpAt(at))
	o.Dir = filepath.Join(t.TempDir(), "spool")
	synctest.Test(t, func(t *testing.T) {
		var disk filestest.Disk
		s := newSource(t, exporters.On(&disk, o))
		disk.Set(filestest.Failing("read", syscall.EIO))
		s.items(0, 10, 0)
		<-time.After(20 * time.Second) // till it is encoded, and tried five times
		disk.Set(nil)
		s.items(10, 20, 0)
		if err := s.close(done()); err == nil || !strings.Contains(err.Error(), "corrupt 10") {
			t.Errorf("close: %v", err)
		}
		s.balance(t, 20)
	})
	delivers(t, o, start(t, at), 20, "corrupt", 10)
}

// A directory that cannot be used at first is moved into when it can. What an
// earlier process left there is delivered, and its ledger goes on.
func TestDirectoryThatComesLater(t *testing.T) {
	for _, fault := range []error{syscall.EIO, syscall.ENOSPC, syscall.EROFS, syscall.EDQUOT} {
		t.Run(fault.Error(), func(t *testing.T) {
			at := listening(t)
			o := to(httpAt(at))
			o.Dir = filepath.Join(t.TempDir(), "spool")
			first := newSource(t, o)
			first.items(0, 10, 0)
			if err := first.close(done()); err != nil {
				t.Fatal(err)
			}
			o.Destinations = append([]exporters.Destination{{Name: "new"}}, o.Destinations...)
			synctest.Test(t, func(t *testing.T) {
				var disk filestest.Disk
				disk.Set(func(string, string) error { return fault })
				s := newSource(t, exporters.On(&disk, o))
				s.items(10, 20, 0)
				_ = s.box.Flush(t.Context())
				if st := s.box.Status(); st.Store != "memory" || !errors.Is(st.DiskFault, fault) || st.Dir != o.Dir {
					t.Errorf("in %s of %s, fault %v", st.Store, st.Dir, st.DiskFault)
				}
				<-time.After(25 * time.Second)
				disk.Set(nil)
				<-time.After(11 * time.Second)
				s.items(20, 30, 0)
				_ = s.box.Flush(t.Context())
				if st := s.box.Status(); st.Store != "disk" || st.DiskFault != nil {
					t.Errorf("in %s, fault %v", st.Store, st.DiskFault)
				}
				for _, signal := range everySignal {
					if a := account(t, s.box, signal); a.Created != 30 || a.Pending != 30 {
						t.Errorf("%s", a)
					}
				}
				if gone, back := s.told.about("waits in memory"), s.told.about("waits in the directory again"); gone != 1 || back != 1 {
					t.Errorf("told %d times of memory and %d of the directory", gone, back)
				}
				_ = s.close(done()) // which costs what is in memory
			})
			delivers(t, o, start(t, at), 30, "abandoned", 10)
		})
	}
}

// What a person has to put right is an error.
func TestDirectoryThatIsAMistake(t *testing.T) {
	dir := t.TempDir()
	if err := errors.Join(os.WriteFile(filepath.Join(dir, "file"), nil, 0o600), os.Mkdir(filepath.Join(dir, "open"), 0o700), os.Chmod(filepath.Join(dir, "open"), 0o777), //nolint:gosec // on purpose
		os.Mkdir(filepath.Join(dir, "own"), 0o700), os.Symlink("own", filepath.Join(dir, "link"))); err != nil {
		t.Fatal(err)
	}
	o := to(exporters.Endpoint{})
	o.Dir = filepath.Join(dir, "own")
	newSource(t, o)
	for name, want := range map[string]string{"file": "not a directory", "file/below": "not a directory", "open": "chmod 700", "link": "symbolic link", "own": "in use"} {
		o.Dir = filepath.Join(dir, name)
		if _, err := exporters.Open(t.Context(), o); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), o.Dir) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
