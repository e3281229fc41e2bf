// Package files is what a log needs of the files of a disk, so that tests can let
// one fail.
package files

// File is an open file.
type File interface {
	ReadAt(b []byte, off int64) (int, error)
	WriteAt(b []byte, off int64) (int, error)
	Truncate(size int64) error
	Sync() error
	Close() error
}

// Open opens the file of a name in a directory, with the flags of [os.OpenFile].
type Open func(name string, flag int) (File, error)
