package health

import (
	"bytes"
	"encoding/json"
	"path"
	"runtime/pprof"
	"strings"
	"time"
)

const (
	stackLabel     = "health.check"   // the pprof label of executions
	autopsyPause   = 10 * time.Second // a profile of many goroutines takes a while
	maxStack       = 4 << 10
	runningPackage = "health.(*Registry).execute"
)

// autopsy finds out where the executions that hang stand, and adds that to
// their results. It looks at every goroutine of the process, so it does so once
// in a while only; whoever comes too soon after a look is in the next one.
func (r *Registry) autopsy() {
	r.mu.Lock()
	wait := autopsyPause - time.Since(r.opened)
	if r.opened.IsZero() || wait <= 0 {
		wait, r.opened = 0, time.Now()
	} else if r.reopen == nil && r.phase != stopped {
		r.reopen = time.AfterFunc(wait, r.autopsyAgain)
	}
	r.mu.Unlock()
	if wait > 0 {
		return
	}
	var profile bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&profile, 1); err != nil {
		return
	}
	stacks := labelled(profile.String())
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range *r.entries.Load() {
		stack := stacks[e.check.Name]
		if e.run == nil || !e.run.hung || stack == "" || r.phase == stopped {
			continue
		}
		next := *e.latest.Load()
		next.Stack = stack
		e.latest.Store(&next)
	}
}

// autopsyAgain is the look that was put off. Shutdown waits for it once it has
// begun, and stops it before.
func (r *Registry) autopsyAgain() {
	r.mu.Lock()
	r.reopen = nil
	over := r.phase == stopped
	if !over {
		r.active++
	}
	r.mu.Unlock()
	if over {
		return
	}
	defer r.retire()
	r.autopsy()
}

// labelled returns the stacks of a goroutine profile in text form by the check
// that they were labelled with, that of the execution itself first.
func labelled(profile string) map[string]string {
	stacks := make(map[string]string)
	for group := range strings.SplitSeq(profile, "\n\n") {
		_, rest, found := strings.Cut(group, "# labels: ")
		if !found {
			continue
		}
		encoded, frames, _ := strings.Cut(rest, "\n")
		var labels map[string]string
		if err := json.Unmarshal([]byte(encoded), &labels); err != nil || labels[stackLabel] == "" {
			continue
		}
		name, stack := labels[stackLabel], short(frames)
		switch other := stacks[name]; {
		case other == "":
			stacks[name] = stack
		case strings.Contains(stack, runningPackage):
			stacks[name] = stack + "\n" + other
		default:
			stacks[name] = other + "\n" + stack
		}
	}
	for name, stack := range stacks {
		stacks[name] = clip(stack, maxStack)
	}
	return stacks
}

// short keeps the function, the file without its folders and the line.
func short(frames string) string {
	var b strings.Builder
	for line := range strings.Lines(frames) {
		fields := strings.Fields(strings.TrimPrefix(line, "#"))
		if len(fields) < 3 {
			continue
		}
		function, _, _ := strings.Cut(fields[1], "+0x")
		b.WriteString(path.Base(function) + " " + path.Base(fields[2]) + "\n")
	}
	return b.String()
}
