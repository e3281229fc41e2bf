package spool

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"time"
)

const (
	// Lanes is the number of lanes of a log.
	Lanes = 8
	// MaxRecord is the largest payload that a log takes, in bytes.
	MaxRecord = 64 << 20

	markSize   = 8
	headerSize = markSize + 42
	headerCRC  = headerSize - 4
	maxFile    = headerSize + MaxRecord // a segment is never larger
	chunk      = 256 << 10              // how much is read at once

	// maxCount bounds what a file of an earlier process may claim, so that no
	// sum overflows.
	maxCount = 1 << 62
)

// Record is one entry of a log.
type Record struct {
	// Seq numbers the records of a lane without gaps from 1 on. Append sets it.
	Seq uint64
	// Time is when the record was appended, by the wall clock. Append sets it.
	Time time.Time
	// Items is how many spans, points or the like the payload holds. Losses are
	// told in items too.
	Items uint32
	// Lane is below [Lanes]. A lane has its own order and its own files, and
	// gives way to no other.
	Lane uint8
	// Flags are the caller's, the encoding for example.
	Flags uint8
	// Payload is the bytes to keep; at most [MaxRecord].
	Payload []byte
}

// position is a place between two records of a lane.
type position struct {
	seq   uint64 // of the record before
	items uint64 // of all records up to that one
}

// header is what stands before a payload.
type header struct {
	before position // seq is that of the record less one
	time   int64    // Unix nanoseconds
	items  uint32
	size   uint32 // of the payload
	sum    uint32 // of the payload
	lane   uint8
	flags  uint8
}

func (h header) after() position {
	return position{h.before.seq + 1, h.before.items + uint64(h.items)}
}

// between reports whether the record may stand there: a payload can hold a copy
// of its own segment, as far as that was written before.
func (h header) between(from, to position) bool {
	return h.before.seq >= from.seq && h.before.seq < to.seq && h.before.items >= from.items && h.before.items <= to.items
}

// checksum is CRC-32C.
func checksum(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

func (h header) encode(mark uint64, b []byte) []byte {
	start := len(b)
	b = binary.LittleEndian.AppendUint64(b, mark)
	b = binary.LittleEndian.AppendUint32(b, h.size)
	b = binary.LittleEndian.AppendUint32(b, h.sum)
	b = binary.LittleEndian.AppendUint64(b, h.before.seq+1)
	b = binary.LittleEndian.AppendUint64(b, uint64(h.time))
	b = binary.LittleEndian.AppendUint64(b, h.before.items)
	b = binary.LittleEndian.AppendUint32(b, h.items)
	b = append(b, h.lane, h.flags)
	return binary.LittleEndian.AppendUint32(b, checksum(b[start:]))
}

// decode reads a header from the beginning of b, which holds at least one.
func decode(mark uint64, b []byte) (h header, ok bool) {
	seq := binary.LittleEndian.Uint64(b[16:])
	h = header{
		size:   binary.LittleEndian.Uint32(b[8:]),
		sum:    binary.LittleEndian.Uint32(b[12:]),
		before: position{seq - 1, binary.LittleEndian.Uint64(b[32:])},
		time:   int64(binary.LittleEndian.Uint64(b[24:])),
		items:  binary.LittleEndian.Uint32(b[40:]),
		lane:   b[44],
		flags:  b[45],
	}
	ok = binary.LittleEndian.Uint64(b) == mark && checksum(b[:headerCRC]) == binary.LittleEndian.Uint32(b[headerCRC:]) &&
		seq > 0 && h.size <= MaxRecord
	return h, ok
}

// mend decodes a header in which one bit is wrong. Without it, the last record
// of a log could vanish uncounted, since no neighbour tells of it.
func mend(mark uint64, b []byte) (header, bool) {
	if bytes.Count(b[:headerSize], []byte{0}) == headerSize {
		return header{}, false
	}
	trial := [headerSize]byte(b)
	for bit := range headerSize * 8 {
		trial[bit/8] ^= 1 << (bit % 8)
		if h, ok := decode(mark, trial[:]); ok {
			return h, true
		}
		trial[bit/8] ^= 1 << (bit % 8)
	}
	return header{}, false
}

// scanner reads the records of a segment in order and steps over damage. The
// work is linear in the size of the file, whatever it holds.
type scanner struct {
	from io.ReaderAt
	mark uint64
	lane uint8
	size int64 // of what may be read
	off  int64
	buf  []byte // the file from base on
	base int64

	seen    position // after the last header that could be read
	lost    bool     // in the middle of damage
	garbage bool     // and it is not all zeros
}

// next returns the next whole record up to limit, and [io.EOF] when there is
// none. The payload is valid until the next call. After another error, it may
// be tried again.
func (s *scanner) next(limit position) (header, []byte, error) {
	for {
		b, err := s.peek(headerSize)
		if err != nil {
			return header{}, nil, err
		}
		h, ok := decode(s.mark, b)
		if !ok && !s.lost {
			h, ok = mend(s.mark, b)
		}
		if !ok || h.lane != s.lane || !h.between(s.seen, limit) {
			if err := s.resync(); err != nil {
				return header{}, nil, err
			}
			continue
		}
		s.lost, s.garbage = false, false
		b, err = s.peek(headerSize + int64(h.size))
		if err != nil {
			return header{}, nil, err // torn, if it is the end
		}
		s.seen = h.after()
		s.off += int64(len(b))
		if checksum(b[headerSize:]) == h.sum {
			return h, b[headerSize:], nil
		}
	}
}

// peek returns the next n bytes, and [io.EOF] if there are fewer.
func (s *scanner) peek(n int64) ([]byte, error) {
	start := s.off - s.base
	if start >= 0 && start+n <= int64(len(s.buf)) {
		return s.buf[start : start+n], nil
	}
	rest := s.size - s.off
	if rest < n {
		return nil, io.EOF
	}
	want := min(max(n, chunk), rest)
	if int64(cap(s.buf)) < want || cap(s.buf) > 4*chunk && want <= chunk {
		s.buf = make([]byte, max(want, chunk))
	}
	s.buf, s.base = s.buf[:want], s.off
	got, err := s.from.ReadAt(s.buf, s.off)
	s.buf = s.buf[:got]
	if int64(got) >= n {
		return s.buf[:n], nil
	}
	if errors.Is(err, io.EOF) {
		s.size = s.off + int64(got)
	}
	return nil, err
}

// resync goes on to what may be the next header.
func (s *scanner) resync() error {
	s.lost = true
	mark := binary.LittleEndian.AppendUint64(nil, s.mark)
	for first := int64(1); ; first = 0 {
		if _, err := s.peek(min(headerSize, s.size-s.off)); err != nil {
			return err
		}
		b := s.buf[s.off-s.base:] // all that was read
		next := bytes.Index(b[first:], mark)
		skipped := int64(len(b)) - markSize + 1
		if next >= 0 {
			skipped = first + int64(next)
		} else if s.off+int64(len(b)) >= s.size {
			skipped = int64(len(b))
		}
		s.garbage = s.garbage || len(bytes.TrimLeft(b[:skipped], "\x00")) > 0
		s.off += skipped
		if next >= 0 || s.off == s.size {
			return nil
		}
	}
}
