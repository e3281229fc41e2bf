package faults

import (
	"context"
	"encoding/json"

	"github.com/alexliesenfeld/health"
)

// onRequest has a check executed by each probe that finds no answer in the cache.
func onRequest(_ spec, c health.Check) health.CheckerOption { return health.WithCheck(c) }

func periodic(s spec, c health.Check) health.CheckerOption {
	return health.WithPeriodicCheck(s.every, 0, c)
}

func alexliesenfeld(title string, with func(spec, health.Check) health.CheckerOption) library {
	checker := func(s spec, more ...health.CheckerOption) health.Checker {
		options := append(more, health.WithCacheDuration(s.cache), health.WithDisabledAutostart())
		if s.shared > 0 {
			options = append(options, health.WithTimeout(s.shared))
		}
		for _, c := range s.checks {
			options = append(options, with(s, health.Check{Name: c.name, Check: c.do, Timeout: c.timeout}))
		}
		return health.NewChecker(options...)
	}
	start := func(checker health.Checker) *service {
		checker.Start()
		handler := health.NewHandler(checker)
		return &service{
			handler: handler, stop: checker.Stop,
			up: func(name string) bool {
				var answer health.CheckerResult
				must(0, json.Unmarshal(get(handler, "/").Body.Bytes(), &answer))
				return answer.Details[name].Status == health.StatusUp
			},
		}
	}
	return library{
		title:     title,
		open:      func(s spec) *service { return start(checker(s)) },
		stopEarly: func() { checker(spec{}).Stop() },
		listen: func(c check, told func()) *service {
			var listening health.Checker
			listening = checker(
				spec{checks: []check{c}, every: minimum},
				health.WithStatusListener(func(context.Context, health.CheckerState) {
					_ = listening.IsStarted()
					told()
				}),
			)
			return start(listening)
		},
	}
}
