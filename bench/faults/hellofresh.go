package faults

import (
	"encoding/json"

	"github.com/hellofresh/health-go/v5"
)

// hellofresh has every check executed by every probe. There is nothing to start
// or to stop.
func hellofresh() library {
	return library{
		title: "hellofresh v5.5.4",
		open: func(s spec) *service {
			h := must(health.New())
			for _, c := range s.checks {
				must(0, h.Register(health.Config{
					Name: c.name, Check: c.do, SkipOnErr: c.optional, Timeout: max(c.timeout, s.shared),
				}))
			}
			handler := h.Handler()
			return &service{
				handler: handler, stop: func() {},
				up: func(name string) bool {
					var answer health.Check
					must(0, json.Unmarshal(get(handler, "/").Body.Bytes(), &answer))
					_, failed := answer.Failures[name]
					return !failed
				},
			}
		},
	}
}
