package bulk

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
)

// CheckpointStore keeps how far jobs are. [FileStore] is one; another is a table
// with a row for each job. Both methods are called by one goroutine at a time for
// each job.
type CheckpointStore interface {
	// Load returns what was saved last for the job, or nil if nothing was.
	Load(ctx context.Context, job string) ([]byte, error)
	// Save replaces what was saved for the job. When it returns nil, the state
	// must survive a crash; when it does not return, either the old or the new
	// state must. The state is JSON, usually of less than 1 KiB.
	Save(ctx context.Context, job string, state []byte) error
}

// FileStore is a [CheckpointStore]: a folder, made when it is needed, with a file
// for each job. A state replaces the one before by a rename, and is on the disk
// when Save returns.
type FileStore string

var _ CheckpointStore = FileStore("")

func (s FileStore) path(job string) string {
	return filepath.Join(string(s), url.PathEscape(job)+".checkpoint")
}

// Load returns the content of the job's file.
func (s FileStore) Load(_ context.Context, job string) ([]byte, error) {
	state, err := os.ReadFile(s.path(job))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return state, err
}

// Save replaces the job's file.
func (s FileStore) Save(_ context.Context, job string, state []byte) error {
	if err := os.MkdirAll(string(s), 0o777); err != nil {
		return err
	}
	path := s.path(job)
	if err := writeSynced(path+".new", state); err != nil {
		return err
	}
	if err := os.Rename(path+".new", path); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

func writeSynced(path string, content []byte) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return cmp.Or(err, f.Sync(), f.Close())
}

// syncFolder makes a rename survive a crash. Windows has no such call.
func syncFolder(path string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// progress is what a checkpoint knows: of the first Read items of the source all
// are done but those in Open. What is open was in the works, or waited, so there
// are as few as fit in memory, however long one of them takes.
type progress struct {
	Read int64      `json:"read"`
	Open [][2]int64 `json:"open,omitempty"` // ranges, in order, without the second number
}

var errDamaged = errors.New("the checkpoint is damaged")

func parseProgress(state []byte) (p progress, err error) {
	if len(state) == 0 {
		return p, nil
	}
	if err := json.Unmarshal(state, &p); err != nil {
		return progress{}, fmt.Errorf("%w: %w", errDamaged, err)
	}
	end := int64(0)
	for _, r := range p.Open {
		if r[0] < end || r[1] <= r[0] {
			return progress{}, fmt.Errorf("%w: range %v after %d", errDamaged, r, end)
		}
		end = r[1]
	}
	if p.Read < end {
		return progress{}, fmt.Errorf("%w: item %d is open, but only %d were read", errDamaged, end-1, p.Read)
	}
	return p, nil
}

// progressOf sorts the positions of the open items.
func progressOf(read int64, open []int64) progress {
	p := progress{Read: read}
	slices.Sort(open)
	for _, at := range open {
		p.add([2]int64{at, at + 1})
	}
	return p
}

// add appends a range that lies behind all others.
func (p *progress) add(r [2]int64) {
	if n := len(p.Open); n > 0 && p.Open[n-1][1] == r[0] {
		p.Open[n-1][1] = r[1]
	} else {
		p.Open = append(p.Open, r)
	}
}

// done tells whether the item at this position needs no processing. It must be
// asked for ascending positions.
func (p *progress) done(at int64) bool {
	for len(p.Open) > 0 && p.Open[0][1] <= at {
		p.Open = p.Open[1:]
	}
	return at < p.Read && (len(p.Open) == 0 || at < p.Open[0][0])
}

// watermark is the number of items done before the first that is open.
func (p progress) watermark() int64 {
	if len(p.Open) > 0 {
		return p.Open[0][0]
	}
	return p.Read
}
