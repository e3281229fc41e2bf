package main

import (
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"
)

// columns returns the header that a file must have.
func columns() []string { return []string{"id", "customer", "amount", "placed"} }

// record is one row of the file as it stands there.
type record struct {
	line   int
	fields []string
	err    error // it has too few or too many fields
}

// key is the same for records with the same id.
func (r record) key() string {
	if r.err != nil {
		return "line " + strconv.Itoa(r.line)
	}
	return r.fields[0]
}

func (r record) size() (n int) {
	for _, f := range r.fields {
		n += len(f)
	}
	return n
}

// records reads a file. A wrong number of fields is that record's error. After a
// wrong quote nobody knows where the next record begins, so that ends the file.
func records(file io.Reader) iter.Seq2[record, error] {
	return func(yield func(record, error) bool) {
		in := csv.NewReader(file)
		in.FieldsPerRecord = len(columns())
		header, err := in.Read()
		if !slices.Equal(header, columns()) {
			yield(record{}, errors.Join(fmt.Errorf("the header is %q, want %q", header, columns()), err))
			return
		}
		for err == nil {
			r := record{}
			r.fields, err = in.Read()
			switch {
			case errors.Is(err, io.EOF):
				return
			case errors.Is(err, csv.ErrFieldCount):
				r.fields, r.err, err = nil, err, nil
			}
			if err == nil {
				r.line, _ = in.FieldPos(0)
			}
			if !yield(r, err) {
				return
			}
		}
	}
}

// content is what must be known of a file before it is loaded.
type content struct {
	rows int64
	hash string
}

// inspect reads all of a file, so that one that cannot be read to its end changes
// nothing in the database.
func inspect(ctx context.Context, file io.Reader) (c content, err error) {
	hash := sha256.New()
	for _, err := range records(io.TeeReader(file, hash)) {
		if err != nil {
			return c, err
		}
		if ctx.Err() != nil {
			return c, context.Cause(ctx)
		}
		c.rows++
	}
	c.hash = hex.EncodeToString(hash.Sum(nil))
	return c, nil
}
