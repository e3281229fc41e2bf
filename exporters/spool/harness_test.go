package spool

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/otelmon/otelmon-go/internal/files/filestest"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv("SPOOL_VICTIM"); dir != "" {
		victim(dir)
	}
	goleak.VerifyTestMain(m)
}

// ledger adds the losses up.
type ledger struct {
	mu     sync.Mutex
	losses []Loss
}

func (l *ledger) lost(loss Loss) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.losses = append(l.losses, loss)
}

// of sums what a cursor lost in a lane, for the reasons or for any.
func (l *ledger) of(cursor string, lane uint8, reasons ...Reason) (records, items uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, loss := range l.losses {
		if loss.Cursor == cursor && loss.Lane == lane && (len(reasons) == 0 || bytes.Contains([]byte(fmt.Sprint(reasons)), []byte(loss.Reason))) {
			records, items = records+loss.Records, items+loss.Items
		}
	}
	return records, items
}

// place is a directory that a log takes.
func place(tb testing.TB) string {
	tb.Helper()
	return filepath.Join(tb.TempDir(), "spool")
}

func start(tb testing.TB, o Options) *Log {
	tb.Helper()
	if o.MinFree == 0 {
		o.MinFree = -1
	}
	l, err := Open(o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { l.Close() })
	return l
}

func cursor(tb testing.TB, l *Log, name string) *Cursor {
	tb.Helper()
	c, err := l.Cursor(name, Oldest)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

func add(tb testing.TB, l *Log, lane uint8, items uint32, payload string) uint64 {
	tb.Helper()
	seq, err := l.Append(Record{Lane: lane, Items: items, Payload: []byte(payload)})
	if err != nil {
		tb.Fatal(err)
	}
	return seq
}

// ready returns the next record if there is one.
func ready(t *testing.T, c *Cursor, lane uint8) (Record, bool) {
	t.Helper()
	r, ok, err := c.read(lane, &c.lanes[lane])
	if err != nil {
		t.Fatal(err)
	}
	return r, ok
}

// drain reads and acknowledges all there is.
func drain(t *testing.T, c *Cursor, lane uint8) (payloads []string, items uint64) {
	t.Helper()
	for {
		r, ok := ready(t, c, lane)
		if !ok {
			return payloads, items
		}
		if r.Lane != lane {
			t.Fatalf("record of lane %d in lane %d", r.Lane, lane)
		}
		payloads, items = append(payloads, string(r.Payload)), items+uint64(r.Items)
		if err := c.Ack(lane, r.Seq); err != nil {
			t.Fatal(err)
		}
	}
}

// tend does at once what the goroutine of a log does from time to time. The
// log must not sync, or the goroutine may be in the middle of it.
func tend(t *testing.T, l *Log, now time.Time) {
	t.Helper()
	if err := l.flush(); err != nil {
		t.Fatal(err)
	}
	l.tidy(now)
}

// pastGrace waits for the cursors of earlier processes no longer.
func pastGrace(l *Log) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.opened = l.opened.Add(-2 * grace)
}

// kill ends a log as the end of its process would: nothing is synced, saved or
// told.
func kill(l *Log) {
	l.mu.Lock()
	l.closed = true
	close(l.done)
	l.mu.Unlock()
	l.work.Wait()
	for i := range l.lanes {
		if g := l.lanes[i].active; g != nil {
			g.file.Close()
		}
	}
	for _, g := range l.retired {
		l.shut(g)
	}
	for _, c := range l.cursors {
		c.close()
	}
	l.dir.close()
}

func segments(t *testing.T, dir string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.seg"))
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// written returns the name and the bytes of the only segment of a log with
// records of 1, 2, 3, … items.
func written(t *testing.T, n int) (name string, content []byte) {
	t.Helper()
	dir := place(t)
	l := start(t, Options{Dir: dir})
	for i := range n {
		add(t, l, 2, uint32(i+1), text(i))
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	names := segments(t, dir)
	if len(names) != 1 {
		t.Fatalf("%d segments", len(names))
	}
	content, err := os.ReadFile(names[0])
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Base(names[0]), content
}

func text(i int) string { return fmt.Sprintf("nr. %d", i) }

// found opens a log with the file in it and returns what a cursor reads.
func found(t *testing.T, dir, name string, content []byte) (payloads []string, items uint64, lost Loss) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
		t.Fatal(err)
	}
	var losses ledger
	l, err := Open(Options{Dir: dir, MinFree: -1, Sync: SyncNever, Lost: losses.lost})
	if err != nil {
		t.Fatal(err)
	}
	c := cursor(t, l, "a")
	payloads, items = drain(t, c, 2)
	add(t, l, 2, 1, "one more")
	if after, _ := drain(t, c, 2); fmt.Sprint(after) != "[one more]" {
		t.Fatalf("after an append: %q", after)
	}
	if p := c.Pending(2); p.Records != 0 || p.Items != 0 || p.Bytes != 0 {
		t.Fatalf("pending after all was read: %+v", p)
	}
	kill(l)
	empty(t, dir)
	lost.Records, lost.Items = losses.of("a", 2)
	return payloads, items, lost
}

// empty deletes all but the lock.
func empty(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if entry.Name() == "lock" {
			continue
		}
		if err := os.RemoveAll(filepath.Join(dir, entry.Name())); err != nil {
			t.Fatal(err)
		}
	}
}

// inMemory is a directory whose files are created quickly, for tests that open
// thousands of logs.
func inMemory(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "spool") //nolint:usetesting // not where TempDir is
	if err != nil {
		return place(t)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// startOn opens a log on a disk that can fail.
func startOn(t *testing.T, o Options) (*Log, *filestest.Disk) {
	t.Helper()
	d := &filestest.Disk{}
	o.Wrap = d.Wrap
	return start(t, o), d
}

var errDisk = errors.New("input/output error")

// mark is that of segments written by hand.
const mark = 0x8877665544332211

var marked = binary.LittleEndian.AppendUint64(nil, mark)

// put is a header with its payload, as written by hand.
func put(mark uint64, h header, payload []byte) []byte {
	h.size, h.sum = uint32(len(payload)), checksum(payload)
	return append(h.encode(mark, nil), payload...)
}

func rewrite(t *testing.T, name string, change func([]byte) []byte) {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, change(b), 0o600); err != nil {
		t.Fatal(err)
	}
}
