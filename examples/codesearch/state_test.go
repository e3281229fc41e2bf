package main

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/otelmon/otelmon-go/health"
)

func TestIndexState(t *testing.T) {
	now := time.Now()
	for name, test := range map[string]struct {
		set         func(*indexState)
		check, page string
	}{
		"new":              {func(*indexState) {}, "nothing was indexed", ""},
		"first run":        {func(s *indexState) { s.begin(time.Time{}) }, "not finished", "Indexing has begun"},
		"later run":        {func(s *indexState) { s.begin(now) }, "", "Indexing has begun"},
		"up to date":       {func(s *indexState) { s.begin(time.Time{}); s.end(now, nil) }, "", ""},
		"stopped at first": {func(s *indexState) { s.begin(time.Time{}); s.end(time.Time{}, nil) }, "nothing was indexed", ""},
		"failed":           {func(s *indexState) { s.begin(now); s.end(now, errors.New("disk full")) }, "disk full", "indexing failed"},
		"old":              {func(s *indexState) { s.end(now.Add(-25*time.Hour), nil) }, "older than a day", ""},
	} {
		t.Run(name, func(t *testing.T) {
			var s indexState
			test.set(&s)
			err := s.check(t.Context())
			if (err == nil) != (test.check == "") || err != nil && !strings.Contains(err.Error(), test.check) {
				t.Errorf("check: %v, want %q", err, test.check)
			}
			if err != nil && health.Degraded(err).Error() != err.Error() {
				t.Errorf("%v is more than a limitation", err)
			}
			if got := s.String(); (got == "") != (test.page == "") || !strings.Contains(got, test.page) {
				t.Errorf("page: %q, want %q", got, test.page)
			}
		})
	}
}
