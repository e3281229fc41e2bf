package otelmon

import (
	"os"
	"strconv"
	"strings"
)

func readUsage() usage {
	u := unknownUsage()
	u.userSeconds, u.systemSeconds = cpuSeconds()
	if b, err := os.ReadFile("/proc/self/statm"); err == nil {
		u.virtualBytes, u.residentBytes = parseStatm(string(b), int64(os.Getpagesize()))
	}
	u.fileDescriptors = countFiles("/proc/self/fd")
	return u
}

// parseStatm reads the first two fields of proc_pid_statm(5): the total
// program size and the resident set, in pages.
func parseStatm(s string, pageSize int64) (virtual, resident int64) {
	size, rest, _ := strings.Cut(strings.TrimSpace(s), " ")
	rss, _, _ := strings.Cut(rest, " ")
	return pages(size, pageSize), pages(rss, pageSize)
}

func pages(s string, pageSize int64) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 {
		return -1
	}
	return n * pageSize
}
