package console

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"runtime/pprof"
	"runtime/trace"
	"slices"
	"strings"
	"time"
)

// Profiles that can be taken. Those that last measure for some seconds.
const (
	ProfileCPU       = "cpu"   // lasts
	ProfileTrace     = "trace" // lasts; for go tool trace, the others for go tool pprof
	ProfileHeap      = "heap"
	ProfileAllocs    = "allocs"
	ProfileGoroutine = "goroutine"
	ProfileMutex     = "mutex" // lasts, as it is off otherwise
	ProfileBlock     = "block" // lasts, as it is off otherwise
)

// ProfileKinds are all profiles that can be taken.
func ProfileKinds() []string {
	return []string{ProfileCPU, ProfileHeap, ProfileAllocs, ProfileGoroutine, ProfileMutex, ProfileBlock, ProfileTrace}
}

// Times for which a profile measures.
const (
	usualProfileTime   = 5 * time.Second
	longestProfileTime = 30 * time.Second
)

// What is sampled while mutex and block profiles are taken, one in so many
// contentions and nanoseconds.
const (
	mutexFraction = 100
	blockRate     = 10_000_000
)

var errProfiling = errors.New("another profile is being taken: try again when it is done")

// WriteProfile takes a profile and writes it. It measures for the time given,
// 5 seconds when that is zero and at most 30, where a profile lasts. One is
// taken at a time, so it fails while another one is, and when somebody else in
// the program profiles the CPU. An event tells of it; who is who asked for it.
func (c *Console) WriteProfile(ctx context.Context, who, kind string, during time.Duration, w io.Writer) error {
	if during == 0 {
		during = usualProfileTime
	}
	switch {
	case !slices.Contains(ProfileKinds(), kind):
		return fmt.Errorf("there is no profile %q: there are %s", kind, strings.Join(ProfileKinds(), ", "))
	case during < 0 || during > longestProfileTime:
		return fmt.Errorf("a profile measures for at most %v, not %v", longestProfileTime, during)
	case !c.profiling.TryLock():
		return errProfiling
	}
	defer c.profiling.Unlock()
	c.audit(ctx, who, "take_profile", kind)
	var err error
	switch kind {
	case ProfileCPU:
		err = measure(ctx, during, func() error { return pprof.StartCPUProfile(w) }, pprof.StopCPUProfile)
	case ProfileTrace:
		err = measure(ctx, during, func() error { return trace.Start(w) }, trace.Stop)
	case ProfileMutex:
		before := runtime.SetMutexProfileFraction(mutexFraction)
		err = measure(ctx, during, nil, func() { runtime.SetMutexProfileFraction(before) })
	case ProfileBlock:
		runtime.SetBlockProfileRate(blockRate)
		err = measure(ctx, during, nil, func() { runtime.SetBlockProfileRate(0) })
	}
	if p := pprof.Lookup(kind); p != nil && err == nil {
		err = p.WriteTo(w, 0)
	}
	if err != nil {
		return fmt.Errorf("take the profile %s: %w", kind, err)
	}
	return nil
}

// measure waits between start and stop, at most until ctx ends.
func measure(ctx context.Context, during time.Duration, start func() error, stop func()) error {
	if start != nil {
		if err := start(); err != nil {
			return err
		}
	}
	defer stop()
	t := time.NewTimer(during)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// maxProfile bounds a profile that is held in memory, in bytes: an execution trace
// of a busy program grows by megabytes a second. It is not sent as it comes, as a
// slow reader would have the runtime hold it instead.
const maxProfile = 32 << 20

// holdProfile takes a profile into memory. One that lasts ends when it has most
// bytes, but for what the runtime writes then to make it whole; cut is after which
// time that was, zero when it was not.
func (c *Console) holdProfile(ctx context.Context, who, kind string, during time.Duration, most int) (b []byte, cut time.Duration, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	held := &capture{most: most, full: cancel}
	begun := time.Now()
	err = c.WriteProfile(ctx, who, kind, during, held)
	if len(held.b) >= most && errors.Is(err, context.Canceled) {
		cut, err = time.Since(begun), nil
	}
	return held.b, cut, err
}

// capture is what was written of a profile. full is called when it has most bytes.
type capture struct {
	b    []byte
	most int
	full func()
}

// Write implements io.Writer.
func (c *capture) Write(b []byte) (int, error) {
	c.b = append(c.b, b...)
	if len(c.b) >= c.most {
		c.full()
	}
	return len(b), nil
}
