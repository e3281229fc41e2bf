package checkers

import (
	"bufio"
	"bytes"
	"errors"
	"io/fs"
	"math"
	"path"
	"strconv"
	"strings"
)

// A cgroup is the memory of one control group. Without limit it has
// math.MaxUint64.
type cgroup struct{ used, limit uint64 }

func (c cgroup) share() float64 { return float64(c.used) / float64(max(c.limit, 1)) }

// hierarchy knows how one version of control groups spells things.
type hierarchy struct {
	dir   string // of the process's own group, inside the root file system
	mount string // where walking up ends

	usage, limit, reclaimable string // file, file, key in memory.stat
}

// tightestCgroup returns the group that the process, or one above it, has used
// the largest share of. Where there are no control groups, none limits.
func tightestCgroup(root fs.FS) (cgroup, error) {
	tightest := cgroup{limit: math.MaxUint64}
	h, found := findHierarchy(root)
	if !found {
		return tightest, nil
	}
	for dir := h.dir; ; dir = path.Dir(dir) {
		group, err := h.read(root, dir)
		switch {
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrInvalid):
			// The root group has no such files, and fs no such name.
		case err != nil:
			return tightest, err
		case dir == h.dir || group.limit != math.MaxUint64 && group.share() > tightest.share():
			tightest = group
		}
		if dir == h.mount || dir == "." {
			return tightest, nil
		}
	}
}

func (h hierarchy) read(root fs.FS, dir string) (cgroup, error) {
	limit, err := readLimit(root, path.Join(dir, h.limit))
	if err != nil {
		return cgroup{}, err
	}
	used, err := readLimit(root, path.Join(dir, h.usage))
	if err != nil {
		return cgroup{}, err
	}
	stat, err := fs.ReadFile(root, path.Join(dir, "memory.stat"))
	if err != nil {
		return cgroup{}, err
	}
	return cgroup{used: used - min(used, statValue(stat, h.reclaimable)), limit: limit}, nil
}

// readLimit reads one number. "max" in v2 and anything near 1<<63 in v1 mean
// that there is no limit.
func readLimit(root fs.FS, name string) (uint64, error) {
	text, err := fs.ReadFile(root, name)
	if err != nil {
		return 0, err
	}
	word := string(bytes.TrimSpace(text))
	if word == "max" {
		return math.MaxUint64, nil
	}
	n, err := strconv.ParseUint(word, 10, 64)
	if err == nil && n >= 1<<62 {
		n = math.MaxUint64
	}
	return n, err
}

func statValue(stat []byte, key string) uint64 {
	for line := range strings.Lines(string(stat)) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), " "); ok && name == key {
			n, _ := strconv.ParseUint(value, 10, 64) // 0 leaves usage as it is
			return n
		}
	}
	return 0
}

// findHierarchy finds the memory controller, which a hybrid system has in v1.
func findHierarchy(root fs.FS) (hierarchy, bool) {
	groups, err1 := fs.ReadFile(root, "proc/self/cgroup")
	mounts, err2 := fs.ReadFile(root, "proc/self/mountinfo")
	if err1 != nil || err2 != nil {
		return hierarchy{}, false
	}
	v1, v2 := groupPaths(groups)
	for _, h := range []struct {
		group, kind, option string
		hierarchy
	}{
		{v1, "cgroup", "memory", hierarchy{
			usage: "memory.usage_in_bytes", limit: "memory.limit_in_bytes", reclaimable: "total_inactive_file",
		}},
		{v2, "cgroup2", "", hierarchy{
			usage: "memory.current", limit: "memory.max", reclaimable: "inactive_file",
		}},
	} {
		if h.group == "" {
			continue
		}
		if top, point, ok := findMount(mounts, h.kind, h.option); ok {
			h.mount = point
			h.dir = path.Join(point, below(h.group, top))
			return h.hierarchy, true
		}
	}
	return hierarchy{}, false
}

// groupPaths reads /proc/self/cgroup: lines of id:controllers:path.
func groupPaths(text []byte) (v1, v2 string) {
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		id, rest, _ := strings.Cut(lines.Text(), ":")
		controllers, group, ok := strings.Cut(rest, ":")
		switch {
		case !ok:
		case id == "0" && controllers == "":
			v2 = group
		case hasWord(controllers, "memory"):
			v1 = group
		}
	}
	return v1, v2
}

// findMount reads /proc/self/mountinfo (proc_pid_mountinfo(5)) and returns the
// group that is mounted and the place, relative to the root directory.
func findMount(text []byte, kind, option string) (top, point string, found bool) {
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		before, after, _ := strings.Cut(lines.Text(), " - ")
		left, right := strings.Fields(before), strings.Fields(after)
		if len(left) < 5 || len(right) < 3 || right[0] != kind || option != "" && !hasWord(right[2], option) {
			continue
		}
		point = path.Clean(strings.TrimPrefix(left[4], "/"))
		if fs.ValidPath(point) {
			return left[3], point, true
		}
	}
	return "", "", false
}

func hasWord(list, word string) bool {
	for item := range strings.SplitSeq(list, ",") {
		if item == word {
			return true
		}
	}
	return false
}

// below makes group relative to the group that is mounted. A process outside
// of it (a container without a namespace of its own) sees its group at the top.
func below(group, top string) string {
	if top == "/" {
		return path.Clean("/" + group)[1:]
	}
	if rest, ok := strings.CutPrefix(group, top); ok && (rest == "" || rest[0] == '/') {
		return path.Clean("/" + rest)[1:]
	}
	return ""
}
