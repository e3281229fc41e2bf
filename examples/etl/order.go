package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/otelmon/otelmon-go/bulk"
)

// order is a record that was understood.
type order struct {
	id       int64
	customer string
	cents    int64
	placed   time.Time
}

// orderOf takes a record apart. An id has one spelling only, by which records of
// the same order are recognised.
func orderOf(r record) (o order, err error) {
	if r.err != nil {
		return o, r.err
	}
	id, idErr := strconv.ParseInt(r.fields[0], 10, 64)
	customer := strings.TrimSpace(r.fields[1])
	whole, rest, _ := strings.Cut(r.fields[2], ".")
	cents, centsErr := strconv.ParseInt(whole+rest, 10, 64)
	placed, placedErr := time.Parse(time.DateOnly, r.fields[3])
	switch {
	case idErr != nil || strconv.FormatInt(id, 10) != r.fields[0]:
		err = fmt.Errorf("line %d: id %q is no number such as 17", r.line, r.fields[0])
	case customer == "" || !utf8.ValidString(customer) || strings.Contains(customer, "\x00"): // which PostgreSQL refuses
		err = fmt.Errorf("line %d: customer %q is no name", r.line, customer)
	case centsErr != nil || len(rest) != 2 || whole == "":
		err = fmt.Errorf("line %d: amount %q is none such as 12.50", r.line, r.fields[2])
	case placedErr != nil:
		err = fmt.Errorf("line %d: placed %q is no date such as 2026-02-28", r.line, r.fields[3])
	}
	return order{id, customer, cents, placed}, err
}

// orders takes a batch apart. at[i] is where in the batch the order i was.
func orders(batch []record) (good []order, at []int, bad bulk.ItemErrors) {
	for i, r := range batch {
		o, err := orderOf(r)
		if err != nil {
			bad = append(bad, bulk.ItemError{Index: i, Err: err})
			continue
		}
		good, at = append(good, o), append(at, i)
	}
	return good, at, bad
}
