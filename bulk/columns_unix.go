//go:build linux || darwin

package bulk

import (
	"os"
	"syscall"
	"unsafe"
)

// columns asks the terminal for its width; 0 if it does not say.
func columns(f *os.File) int {
	conn, err := f.SyscallConn() // f.Fd would make the file blocking
	if err != nil {
		return 0
	}
	var size struct{ rows, columns, x, y uint16 }
	var errno syscall.Errno
	err = conn.Control(func(fd uintptr) {
		_, _, errno = syscall.Syscall(syscall.SYS_IOCTL, fd, syscall.TIOCGWINSZ, uintptr(unsafe.Pointer(&size)))
	})
	if err != nil || errno != 0 {
		return 0
	}
	return int(size.columns)
}
