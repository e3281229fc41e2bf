package spool

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// wholes is how many records of written end at or before an offset.
func wholes(n, offset int) (count int) {
	end := 0
	for i := range n {
		end += headerSize + len(text(i))
		if end <= offset {
			count++
		}
	}
	return count
}

func TestTruncationLosesNoWholeRecord(t *testing.T) {
	const n = 6
	name, content := written(t, n)
	dir := inMemory(t)
	for size := range len(content) + 1 {
		payloads, _, lost := found(t, dir, name, content[:size])
		if want := wholes(n, size); len(payloads) != want || lost.Records != 0 {
			t.Fatalf("%d bytes: %d records, %d lost; want %d and none", size, len(payloads), lost.Records, want)
		}
	}
}

func TestFlippedBitCostsOneRecordAtMost(t *testing.T) {
	const n = 6
	name, content := written(t, n)
	var all uint64
	for i := range n {
		all += uint64(i + 1)
	}
	dir := inMemory(t)
	mended := 0
	for bit := range len(content) * 8 {
		damaged := bytes.Clone(content)
		damaged[bit/8] ^= 1 << (bit % 8)
		payloads, items, lost := found(t, dir, name, damaged)
		if uint64(len(payloads))+lost.Records != n || items+lost.Items != all || lost.Records > 1 {
			t.Fatalf("bit %d: %d records and %d items read, %+v lost of %d and %d", bit, len(payloads), items, lost, n, all)
		}
		if lost.Records == 0 {
			mended++
		}
	}
	if want := n * headerSize * 8; mended != want {
		t.Errorf("%d flips cost nothing, want those of headers, %d", mended, want)
	}
}

func TestDamageIsToldExactly(t *testing.T) {
	const n = 20
	name, content := written(t, n)
	for _, test := range []struct {
		what   string
		damage func([]byte) []byte
		lost   Loss
	}{
		{"zeros at the end", func(b []byte) []byte { return append(b, make([]byte, 10000)...) }, Loss{}},
		{"half a record at the end", func(b []byte) []byte {
			return append(b, put(binary.LittleEndian.Uint64(b), header{before: position{n, 210}, items: 9, lane: 2}, []byte(text(0)))[:headerSize+3]...)
		}, Loss{}},
		{"nonsense at the end", func(b []byte) []byte { return append(b, bytes.Repeat([]byte("x"), 1000)...) }, Loss{Records: 1}},
		{"three headers gone", func(b []byte) []byte { clear(b[offset(4) : offset(7)-3]); return b }, Loss{Records: 3, Items: 5 + 6 + 7}},
		{"and a wrong bit later", func(b []byte) []byte { clear(b[offset(4) : offset(7)-3]); b[offset(15)+20]++; return b }, Loss{Records: 3, Items: 5 + 6 + 7}},
		{"the beginning gone", func(b []byte) []byte { clear(b[:offset(2)]); return b }, Loss{Records: 2, Items: 1 + 2}},
		{"the second half gone", func(b []byte) []byte { clear(b[offset(10):]); return b }, Loss{}},
		{"a huge length", func(b []byte) []byte { copy(b[offset(3)+8:], "\xff\xff\xff\xff"); return b }, Loss{Records: 1, Items: 4}},
		{"all nonsense", func(b []byte) []byte { return bytes.Repeat(b[:markSize], 2500) }, Loss{Records: 1}},
		{"the file of another segment", func(b []byte) []byte { return put(mark, header{items: 9, lane: 2}, []byte("x")) }, Loss{Records: 1}},
		{"bytes put in", func(b []byte) []byte {
			return slices.Concat(b[:offset(5)], []byte("put in "), b[:markSize], b[offset(5):])
		}, Loss{}},
		{"a record twice", func(b []byte) []byte {
			return slices.Concat(b[:offset(6)], b[offset(5):])
		}, Loss{}},
	} {
		t.Run(test.what, func(t *testing.T) {
			_, _, lost := found(t, inMemory(t), name, test.damage(bytes.Clone(content)))
			if lost != test.lost {
				t.Errorf("lost %+v, want %+v", lost, test.lost)
			}
		})
	}
}

func offset(record int) (at int) {
	for i := range record {
		at += headerSize + len(text(i))
	}
	return at
}

// A payload that holds records must not become one when its header is damaged
// beyond repair: not by hand, not as a copy of another log that is further on,
// not as a copy of the same file.
func TestRecordInsideAPayload(t *testing.T) {
	_, other := written(t, 20)
	for what, inner := range map[string]func(own []byte) []byte{
		"by hand": func([]byte) []byte {
			return put(mark, header{before: position{7000, 7000}, items: 1, lane: 2}, []byte("forged"))
		},
		"other file": func([]byte) []byte { return other },
		"same file":  func(own []byte) []byte { return own },
	} {
		for _, last := range []string{"", "last"} {
			t.Run(what+" "+last, func(t *testing.T) { testInside(t, inner, last) })
		}
	}
}

func testInside(t *testing.T, inner func(own []byte) []byte, last string) {
	t.Helper()
	dir := place(t)
	l := start(t, Options{Dir: dir})
	add(t, l, 2, 0, "first")
	name := segments(t, dir)[0]
	own, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	add(t, l, 2, 5, string(inner(own)))
	want, lost := "[first after]", Loss{Records: 1} // nothing tells of the items
	if last != "" {
		add(t, l, 2, 2, last)
		want, lost = "[first last after]", Loss{Records: 1, Items: 5}
	}
	l.Close()
	rewrite(t, name, func(b []byte) []byte {
		clear(b[len(own)+markSize+1 : len(own)+headerSize-6])
		return b
	})
	var losses ledger
	l = start(t, Options{Dir: dir, Lost: losses.lost})
	if seq, all := add(t, l, 2, 1, "after"), uint64(strings.Count(want, " ")+2); seq != all {
		t.Errorf("the next record has number %d, want %d", seq, all)
	}
	if got, _ := drain(t, cursor(t, l, "a"), 2); fmt.Sprint(got) != want {
		t.Errorf("read %q, want %s", got, want)
	}
	if records, items := losses.of("a", 2, Corrupt); records != lost.Records || items != lost.Items {
		t.Errorf("%d records with %d items lost", records, items)
	}
}

// The work is linear in the size of a file even if every byte seems to begin
// something.
func TestHostileFileIsScannedOnce(t *testing.T) {
	content := bytes.Repeat(marked, 1<<19)
	f := &counted{Reader: bytes.NewReader(content)}
	scan := scanner{from: f, mark: mark, size: int64(len(content))}
	if _, _, err := scan.next(position{maxCount, maxCount}); err == nil {
		t.Fatal("a record was found")
	}
	if limit := 2 * int64(len(content)); f.bytes > limit {
		t.Errorf("%d bytes were read of a file of %d", f.bytes, len(content))
	}
}

type counted struct {
	*bytes.Reader
	bytes int64
}

func (c *counted) ReadAt(b []byte, off int64) (int, error) {
	n, err := c.Reader.ReadAt(b, off)
	c.bytes += int64(n)
	return n, err
}

// No length that a file claims makes the log allocate more than the file has.
func TestHostileLengthAllocatesNothing(t *testing.T) {
	content := header{size: MaxRecord, before: position{0, 0}, lane: 2}.encode(mark, nil)
	scan := scanner{from: bytes.NewReader(content), mark: mark, lane: 2, size: int64(len(content))}
	if _, _, err := scan.next(position{maxCount, maxCount}); err == nil {
		t.Fatal("a record was found")
	}
	if cap(scan.buf) > chunk {
		t.Errorf("allocated %d bytes for a file of %d", cap(scan.buf), len(content))
	}
}
