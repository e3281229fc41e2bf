package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

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
	if idErr != nil || strconv.FormatInt(id, 10) != r.fields[0] {
		idErr = fmt.Errorf("id %q is no number such as 17", r.fields[0])
	}
	var customerErr error
	customer := strings.TrimSpace(r.fields[1])
	if customer == "" || !clean(customer) {
		customerErr = fmt.Errorf("customer %q is no name", customer)
	}
	whole, rest, _ := strings.Cut(r.fields[2], ".")
	cents, centsErr := strconv.ParseInt(whole+rest, 10, 64)
	if centsErr != nil || len(rest) != 2 || whole == "" {
		centsErr = fmt.Errorf("amount %q is none such as 12.50", r.fields[2])
	}
	placed, placedErr := time.Parse(time.DateOnly, r.fields[3])
	if placedErr != nil {
		placedErr = fmt.Errorf("placed %q is no date such as 2026-02-28", r.fields[3])
	}
	if err := errors.Join(idErr, customerErr, centsErr, placedErr); err != nil {
		return o, fmt.Errorf("line %d: %w", r.line, err)
	}
	return order{id, customer, cents, placed}, nil
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
