//go:build linux

package checkers

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/otelmon/otelmon-go/health"
)

// smallDisk mounts a file system of 1 MiB and 100 inodes, which takes root.
func smallDisk(t *testing.T) (dir string, mounted bool) {
	t.Helper()
	dir = t.TempDir()
	err := syscall.Mount("otelmon", dir, "tmpfs", 0, "size=1m,nr_inodes=100")
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EACCES) {
		t.Log("no right to mount a file system: the limits are set around what the temporary folder has instead")
		return dir, false
	}
	must(t, err)
	t.Cleanup(func() { must(t, syscall.Unmount(dir, 0)) })
	return dir, true
}

func TestDiskThatFillsUp(t *testing.T) {
	dir, mounted := smallDisk(t)
	check := DiskSpace(dir, DiskSpaceOptions{})
	if !mounted {
		free, _, err := diskSpace(dir)
		must(t, err)
		expect(t, DiskSpace(dir, DiskSpaceOptions{DegradedBytes: free / 2}), health.StateHealthy, "")
		expect(t, DiskSpace(dir, DiskSpaceOptions{DegradedBytes: 2*free + 1}), health.StateDegraded, "")
		expect(t, DiskSpace(dir, DiskSpaceOptions{UnhealthyBytes: 2*free + 1}), health.StateUnhealthy, "")
		return
	}
	fill := func(kib int) {
		t.Helper()
		must(t, os.WriteFile(filepath.Join(dir, "data"), make([]byte, kib<<10), 0o600))
	}
	expect(t, check, health.StateHealthy, "")
	fill(900)
	expect(t, check, health.StateHealthy, "")
	fill(960)
	expect(t, check, health.StateDegraded, "65536 bytes (6.2 %) free")
	fill(1020)
	expect(t, check, health.StateUnhealthy, "4096 bytes (0.4 %) free")
	fill(1024)
	expect(t, check, health.StateUnhealthy, "0 bytes (0.0 %) free")
	must(t, os.Remove(filepath.Join(dir, "data")))
	expect(t, check, health.StateHealthy, "")
}

// A disk can be full while nearly all of its space is free.
func TestInodesThatRunOut(t *testing.T) {
	dir, mounted := smallDisk(t)
	check := Inodes(dir, ShareLimits{})
	if !mounted {
		free, total, err := inodes(dir)
		must(t, err)
		if total == 0 {
			expect(t, check, health.StateHealthy, "")
			return
		}
		used := 1 - float64(free)/float64(total)
		expect(t, Inodes(dir, ShareLimits{Degraded: (1 + used) / 2}), health.StateHealthy, "")
		expect(t, Inodes(dir, ShareLimits{Degraded: used / 2}), health.StateDegraded, "")
		expect(t, Inodes(dir, ShareLimits{Unhealthy: used / 2}), health.StateUnhealthy, "")
		return
	}
	made := 1 // the folder itself
	fill := func(upTo int) {
		t.Helper()
		for ; made < upTo; made++ {
			must(t, os.WriteFile(filepath.Join(dir, fmt.Sprint(made)), nil, 0o600))
		}
	}
	fill(89)
	expect(t, check, health.StateHealthy, "")
	fill(92)
	got := expect(t, check, health.StateDegraded, "8 of 100 inodes (8.0 %) free")
	if n := detail(t, got, "disk.inodes.free"); n != "8" {
		t.Errorf("%s free", n)
	}
	detail(t, got, "disk.inodes.used_ratio")
	fill(100)
	expect(t, check, health.StateUnhealthy, "0 of 100 inodes (0.0 %) free")
	if err := os.WriteFile(filepath.Join(dir, "one more"), nil, 0o600); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("error %v", err)
	}
	expect(t, DiskSpace(dir, DiskSpaceOptions{}), health.StateHealthy, "")
}

// What the listing itself opens is not counted.
func TestFileDescriptorsAreThoseOfTheProcess(t *testing.T) {
	open, limit, err := fileDescriptors()
	must(t, err)
	var want uint64
	for fd := range int(min(limit, 1<<16)) {
		if err := syscall.Fstat(fd, new(syscall.Stat_t)); err == nil {
			want++
		}
	}
	if open != want {
		t.Errorf("%d file descriptors, want %d", open, want)
	}
}
