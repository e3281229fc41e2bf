package checkers

import (
	"syscall"
	"unsafe"
)

func diskSpace(path string) (free, total uint64, err error) {
	name, err := syscall.UTF16PtrFromString(path)
	if err != nil {
		return 0, 0, err
	}
	proc := syscall.NewLazyDLL("kernel32.dll").NewProc("GetDiskFreeSpaceExW")
	if ok, _, err := proc.Call(uintptr(unsafe.Pointer(name)),
		uintptr(unsafe.Pointer(&free)), uintptr(unsafe.Pointer(&total)), 0); ok == 0 {
		return 0, 0, err
	}
	return free, total, nil
}
