package healthtest

import (
	"bytes"
	"fmt"
	"path"
	"runtime/pprof"
	"strconv"
	"strings"
)

// label is that of the goroutines of calls, and of those that they start.
const label = "healthtest"

// goroutines counts those that runs of the check have started and that have not
// ended, and tells where most of them stand. They are known by the label that
// they inherit, so those of other tests don't count.
func (tr *trial) goroutines() (count int, where string) {
	var profile bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&profile, 1); err != nil {
		return 0, err.Error()
	}
	mark, most := strconv.Quote(label)+":"+strconv.Quote(tr.id()), 0
	for group := range strings.SplitSeq(profile.String(), "\n\n") {
		head, frames, found := strings.Cut(group, "\n# labels: ")
		if !found || !strings.Contains(frames, mark) {
			continue
		}
		lines := strings.Split(head, "\n") // the first group follows a title
		number, _, _ := strings.Cut(lines[len(lines)-1], " @")
		n, err := strconv.Atoi(number)
		if err != nil {
			continue
		}
		if count += n; n > most {
			most, where = n, short(frames)
		}
	}
	return count, where
}

// short keeps the functions and lines of a profile's frames.
func short(frames string) string {
	var b strings.Builder
	for line := range strings.Lines(frames) {
		fields := strings.Fields(strings.TrimPrefix(line, "#"))
		if len(fields) != 3 || !strings.HasPrefix(fields[0], "0x") {
			continue
		}
		function, _, _ := strings.Cut(fields[1], "+0x")
		fmt.Fprintf(&b, "\t%s %s\n", path.Base(function), path.Base(fields[2]))
	}
	return b.String()
}
