package checkers

import (
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/otelmon/otelmon-go/health"
)

func files(pairs ...string) fstest.MapFS {
	root := fstest.MapFS{}
	for i := 0; i < len(pairs); i += 2 {
		root[pairs[i]] = &fstest.MapFile{Data: []byte(pairs[i+1])}
	}
	return root
}

const (
	mountV2  = "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
	mountV1  = "33 25 0:29 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
	mountV1b = "33 25 0:29 /docker/abc /sys/fs/cgroup/memory rw master:1 - cgroup cgroup rw,memory\n"
	cpuV1    = "32 25 0:28 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"
)

func group(dir, limit, usage, stat string) []string {
	return []string{dir + "/memory.max", limit, dir + "/memory.current", usage, dir + "/memory.stat", stat}
}

func groupV1(dir, limit, usage, stat string) []string {
	return []string{dir + "/memory.limit_in_bytes", limit, dir + "/memory.usage_in_bytes", usage, dir + "/memory.stat", stat}
}

func join(lists ...[]string) []string {
	var all []string
	for _, l := range lists {
		all = append(all, l...)
	}
	return all
}

func TestCgroups(t *testing.T) {
	const none = math.MaxUint64
	for name, tc := range map[string]struct {
		root fstest.MapFS
		want cgroup
	}{
		"no proc": {files(), cgroup{limit: none}},
		"v2, own namespace": {files(join([]string{"proc/self/cgroup", "0::/\n", "proc/self/mountinfo", cpuV1 + mountV2},
			group("sys/fs/cgroup", "1000\n", "900\n", "anon 5\ninactive_file 200\nactive_file 7\n"))...), cgroup{700, 1000}},
		"v2, tighter parent": {files(join([]string{"proc/self/cgroup", "0::/a/b\n", "proc/self/mountinfo", mountV2},
			group("sys/fs/cgroup/a/b", "1000", "100", ""), group("sys/fs/cgroup/a", "200", "150", ""))...), cgroup{150, 200}},
		"v2, looser parent": {files(join([]string{"proc/self/cgroup", "0::/a/b\n", "proc/self/mountinfo", mountV2},
			group("sys/fs/cgroup/a/b", "1000", "100", ""), group("sys/fs/cgroup/a", "20000", "150", ""))...), cgroup{100, 1000}},
		"v2, only the parent limits": {files(join([]string{"proc/self/cgroup", "0::/a/b\n", "proc/self/mountinfo", mountV2},
			group("sys/fs/cgroup/a/b", "max\n", "100", ""), group("sys/fs/cgroup/a", "200", "150", ""))...), cgroup{150, 200}},
		"v2, unlimited": {files(join([]string{"proc/self/cgroup", "0::/a\n", "proc/self/mountinfo", mountV2},
			group("sys/fs/cgroup/a", "max\n", "100\n", "inactive_file 500\n"))...), cgroup{0, none}},
		"v2, limit of zero": {files(join([]string{"proc/self/cgroup", "0::/a\n", "proc/self/mountinfo", mountV2},
			group("sys/fs/cgroup/a", "0\n", "100\n", ""))...), cgroup{100, 0}},
		"v2, outside of what is mounted": {files(join([]string{"proc/self/cgroup", "0::/../other\n", "proc/self/mountinfo", mountV2},
			group("sys/fs/cgroup", "1000", "100", ""))...), cgroup{100, 1000}},
		"v1, root": {files(join([]string{"proc/self/cgroup", "4:memory:/\n0::/x\n", "proc/self/mountinfo", cpuV1 + mountV1 + mountV2},
			groupV1("sys/fs/cgroup/memory", "9223372036854771712\n", "100\n", "inactive_file 90\ntotal_inactive_file 30\n"))...), cgroup{70, none}},
		"v1, shared controllers": {files(join([]string{"proc/self/cgroup", "4:cpu,memory:/job\n", "proc/self/mountinfo", mountV1},
			groupV1("sys/fs/cgroup/memory/job", "1000\n", "100\n", ""))...), cgroup{100, 1000}},
		"v1, container without namespace": {files(join([]string{"proc/self/cgroup", "4:memory:/docker/abc\n", "proc/self/mountinfo", mountV1b},
			groupV1("sys/fs/cgroup/memory", "1000\n", "100\n", ""))...), cgroup{100, 1000}},
		"v1, prefix of another name": {files(join([]string{"proc/self/cgroup", "4:memory:/docker/abcdef\n", "proc/self/mountinfo", mountV1b},
			groupV1("sys/fs/cgroup/memory", "1000\n", "100\n", ""))...), cgroup{100, 1000}},
	} {
		got, err := tightestCgroup(tc.root)
		if err != nil || got != tc.want {
			t.Errorf("%s: %+v, %v, want %+v", name, got, err, tc.want)
		}
	}
}

// A group may have a name that fs refuses; its parent is asked instead.
func TestCgroupWithAnInvalidName(t *testing.T) {
	dir := t.TempDir()
	for name, file := range files(join([]string{"proc/self/cgroup", "0::/a/\xaf\n", "proc/self/mountinfo", mountV2},
		group("sys/fs/cgroup/a", "1000", "100", ""))...) {
		must(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700))
		must(t, os.WriteFile(filepath.Join(dir, name), file.Data, 0o600))
	}
	got, err := tightestCgroup(os.DirFS(dir))
	if want := (cgroup{100, 1000}); err != nil || got != want {
		t.Errorf("%+v, %v, want %+v", got, err, want)
	}
}

func FuzzCgroup(f *testing.F) {
	f.Add("0::/a/b\n", mountV2, "max", "inactive_file 1")
	f.Add("4:memory:/docker/abc\n", mountV1b, "1000", "total_inactive_file x")
	f.Fuzz(func(t *testing.T, groups, mounts, limit, stat string) {
		root := files("proc/self/cgroup", groups, "proc/self/mountinfo", mounts)
		if h, found := findHierarchy(root); found {
			if !fs.ValidPath(h.mount) || h.mount != "." && !strings.HasPrefix(h.dir+"/", h.mount+"/") {
				t.Fatalf("%q is not below %q", h.dir, h.mount)
			}
			for name, text := range map[string]string{h.limit: limit, h.usage: "100", "memory.stat": stat} {
				root[strings.TrimPrefix(h.dir+"/"+name, "./")] = &fstest.MapFile{Data: []byte(text)}
			}
		}
		if got, err := tightestCgroup(root); err == nil && got.used > 100 {
			t.Errorf("%+v", got)
		}
	})
}

func TestMemoryThresholds(t *testing.T) {
	root := func(limit, usage string) fs.FS {
		return files(join([]string{"proc/self/cgroup", "0::/\n", "proc/self/mountinfo", mountV2},
			group("sys/fs/cgroup", limit, usage, ""))...)
	}
	goUses := func(used, limit uint64) func() (uint64, uint64) {
		return func() (uint64, uint64) { return used, limit }
	}
	const none = math.MaxUint64
	for name, tc := range map[string]struct {
		o    MemoryOptions
		root fs.FS
		goes func() (uint64, uint64)
		want health.State
	}{
		"no limit":          {MemoryOptions{}, files(), goUses(100, none), health.StateHealthy},
		"enough":            {MemoryOptions{}, root("1000", "899"), goUses(899, 1000), health.StateHealthy},
		"group degraded":    {MemoryOptions{}, root("1000", "900"), goUses(0, none), health.StateDegraded},
		"group unhealthy":   {MemoryOptions{}, root("1000", "970"), goUses(0, none), health.StateUnhealthy},
		"go degraded":       {MemoryOptions{}, files(), goUses(900, 1000), health.StateDegraded},
		"go unhealthy":      {MemoryOptions{}, files(), goUses(2000, 1000), health.StateUnhealthy},
		"the worse counts":  {MemoryOptions{}, root("1000", "900"), goUses(990, 1000), health.StateUnhealthy},
		"own thresholds":    {MemoryOptions{DegradedRatio: 0.5, UnhealthyRatio: 0.6}, root("1000", "550"), goUses(0, none), health.StateDegraded},
		"unreadable":        {MemoryOptions{}, root("many", "1"), goUses(0, none), health.StateDegraded},
		"unreadable, go up": {MemoryOptions{}, root("many", "1"), goUses(99, 100), health.StateUnhealthy},
	} {
		o := tc.o.withDefaults()
		if err := o.check(t.Context(), tc.root, tc.goes); stateOf(t, err) != tc.want {
			t.Errorf("%s: %v, want %s", name, err, tc.want)
		}
	}
	for _, o := range []MemoryOptions{{DegradedRatio: 2}, {UnhealthyRatio: math.NaN()}, {DegradedRatio: 0.99}} {
		if err := Memory(o)(t.Context()); err == nil || !strings.HasPrefix(err.Error(), "memory checker: ") {
			t.Errorf("%+v: error %v", o, err)
		}
	}
}

// Garbage may fill the heap up to GOMEMLIMIT; live data may not.
func TestMemoryJudgesWhatIsLive(t *testing.T) {
	runtime.GC()
	before, _ := goMemory()
	garbage := 0
	for range 64 {
		garbage += len(make([]byte, 1<<20))
	}
	live := make([]byte, 64<<20)
	runtime.GC()
	after, _ := goMemory()
	if grown := int64(after) - int64(before); grown < 60<<20 || grown > 90<<20 {
		t.Errorf("used grew by %d bytes for %d live ones and %d of garbage", grown, len(live), garbage)
	}
	previous := debug.SetMemoryLimit(int64(after))
	defer debug.SetMemoryLimit(previous)
	if _, limit := goMemory(); limit != after {
		t.Errorf("limit %d, want %d", limit, after)
	}
	got := expect(t, Memory(MemoryOptions{}), health.StateUnhealthy, "")
	if !strings.Contains(got.Message, "memory.go: ") {
		t.Errorf("live memory at the limit: %s", got.Message)
	}
	runtime.KeepAlive(live)
}
