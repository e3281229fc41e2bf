package spool

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/otelmon/otelmon-go/internal/files"
)

// What [Options.Sync] may say instead of an interval.
const (
	// SyncAlways forces a record to the disk before Append returns.
	SyncAlways time.Duration = -1
	// SyncNever leaves it to the operating system.
	SyncNever time.Duration = -2
)

const (
	defaultMaxBytes = 256 << 20
	defaultMaxAge   = 24 * time.Hour
	defaultSegment  = 4 << 20
	defaultInterval = 500 * time.Millisecond
	minBytes        = 64 << 10
	minFreeShare    = 20 // one part of the file system

	// grace is how long a cursor of an earlier process is waited for.
	grace = time.Minute
	// maxSegments of a lane: a process that is started again and again makes
	// a segment each time.
	maxSegments = 4096
)

// Options configures a log. Only Dir must be given.
type Options struct {
	// Dir is the directory of the log and of nothing else. It is created with
	// its parents, for the user alone. A symbolic link, a directory of another
	// user and one that others may write to are refused, and so is one whose
	// parent lets others replace it. There is no default: a place that everybody
	// knows, below /tmp say, is one where others put files.
	Dir string

	// MaxBytes is the most that records may take on disk. At the limit the
	// oldest segment of the lane that takes most gives way, so that a lane
	// within its share never does. 0 means 256 MiB, the least is 64 KiB.
	MaxBytes int64

	// MaxAge is how long a record is kept at most. Ages are measured by a clock
	// that nobody can set while the process runs. 0 means 24 hours.
	MaxAge time.Duration

	// MinFree is how many bytes of the file system the log leaves to others: it
	// gives up its oldest records for them. 0 means a twentieth of the file
	// system, a negative value that it may fill the disk and is refused then.
	// It has no effect where free space is unknown (other than Linux, macOS and
	// Windows).
	MinFree int64

	// Retain is how long segments are kept after all cursors have acknowledged
	// them, for cursors to come. MaxBytes and MaxAge hold nonetheless. 0 means
	// that they are deleted.
	Retain time.Duration

	// SegmentBytes is the size of a file and so of what is deleted at once. 0
	// means 4 MiB or a 32nd of MaxBytes, whichever is less.
	SegmentBytes int64

	// Sync is the interval in which records are forced to the disk: what a
	// power failure may take. A process that is killed loses nothing either
	// way. 0 means half a second; see also [SyncAlways] and [SyncNever].
	Sync time.Duration

	// Lost is told of every loss. It is called without a lock, by any call of
	// the log and by the log's own goroutine, also at the same time, and must
	// not call Next or Close. nil means that nobody wants to know.
	Lost func(Loss)

	// Wrap is for the tests of this module, which let files fail by it. nil means
	// that they are opened as they are.
	Wrap func(files.Open) files.Open
}

// withDefaults reports every fault at once.
func (o Options) withDefaults() (Options, error) {
	var faults []error
	refuse := func(wrong bool, format string, args ...any) {
		if wrong {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	refuse(o.Dir == "", "no directory; set Dir to one that is for the log alone, such as /var/lib/myservice/spool")
	refuse(o.MaxBytes != 0 && o.MaxBytes < minBytes, "limit of %d bytes is too small; set MaxBytes to at least %d or leave it 0 for %d", o.MaxBytes, minBytes, defaultMaxBytes)
	refuse(o.MaxAge < 0, "maximum age %s is negative; leave MaxAge 0 for %s", o.MaxAge, defaultMaxAge)
	refuse(o.Retain < 0, "retention %s is negative; leave Retain 0 to delete what is acknowledged", o.Retain)
	refuse(o.SegmentBytes < 0 || o.SegmentBytes > MaxRecord, "segment size %d is not between 0 and %d; leave SegmentBytes 0", o.SegmentBytes, MaxRecord)
	refuse(o.Sync < SyncNever, "sync interval %s is negative; leave Sync 0 for %s, or use SyncAlways or SyncNever", o.Sync, defaultInterval)

	o.MaxBytes = cmp.Or(o.MaxBytes, defaultMaxBytes)
	o.MaxAge = cmp.Or(o.MaxAge, defaultMaxAge)
	o.SegmentBytes = cmp.Or(o.SegmentBytes, min(defaultSegment, o.MaxBytes/32))
	o.Sync = cmp.Or(o.Sync, defaultInterval)
	if o.Lost == nil {
		o.Lost = func(Loss) {}
	}
	return o, errors.Join(faults...)
}

// Loss is a number of records that a cursor will never return.
type Loss struct {
	Cursor  string // its name, or "" if the log never had a cursor
	Lane    uint8
	Reason  Reason
	Records uint64
	Items   uint64 // in these records; only of damage at the very end of a lane it may be too few
}

// Reason says why records were lost.
type Reason string

// The reasons for a [Loss].
const (
	Evicted    Reason = "evicted"    // gave way to younger ones, see [Options.MaxBytes] and [Options.MinFree]
	Expired    Reason = "expired"    // older than [Options.MaxAge]
	Corrupt    Reason = "corrupt"    // the file was damaged
	Unreadable Reason = "unreadable" // the disk failed again and again
	Abandoned  Reason = "abandoned"  // deleted while nobody had the cursor open
)

// What errors.Is finds in the errors of a log.
var (
	// ErrClosed means that the log was closed.
	ErrClosed = errors.New("spool: closed")
	// ErrFull means that the disk has no space for the record.
	ErrFull = errors.New("spool: disk is full")
	// ErrTooLarge means that a payload is over [MaxRecord] or over what the log
	// may hold.
	ErrTooLarge = errors.New("spool: record is too large")
	// ErrLocked means that another log, of this process or another, has the
	// directory open.
	ErrLocked = errors.New("spool: directory is in use")
)

// MayPass reports whether an error is the disk's and nobody's mistake: it is full,
// over its quota, read-only or broken, and the same call may succeed later.
func MayPass(err error) bool { return errors.Is(err, ErrFull) || isFull(err) || isBroken(err) }
