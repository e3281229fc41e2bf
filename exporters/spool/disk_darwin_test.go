package spool

import "testing"

func mount(t *testing.T, _ string, _ uintptr) {
	t.Helper()
	t.Skip("a small disk can be mounted on Linux only")
}
