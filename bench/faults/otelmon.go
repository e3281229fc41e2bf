package faults

import (
	"context"
	"net/http"

	"github.com/otelmon/otelmon-go/health"
)

func otelmonHealth() library {
	return library{
		title:   "otelmon",
		metrics: true,
		open: func(s spec) *service {
			checks := registry(s)
			must(0, checks.Start(context.Background()))
			return serviceOf(checks)
		},
		stopEarly: func() { must(0, registry(spec{}).Shutdown(context.Background())) },
		listen: func(c check, told func()) *service {
			checks := registry(spec{checks: []check{c}, every: health.MinInterval})
			checks.Listen(func(health.Transition) {
				ctx, cancel := context.WithTimeout(context.Background(), blocked/2)
				defer cancel()
				must(checks.Run(ctx))
				must(0, checks.Register(health.Check{Name: "another", Func: c.do}))
				told()
			})
			must(0, checks.Start(context.Background()))
			return serviceOf(checks)
		},
	}
}

func registry(s spec) *health.Registry {
	checks := health.New(health.Options{MeterProvider: s.meters})
	for _, c := range s.checks {
		must(0, checks.Register(health.Check{
			Name: c.name, Func: c.do, Critical: !c.optional, Interval: s.every, Timeout: max(c.timeout, s.shared),
		}))
	}
	return checks
}

func serviceOf(checks *health.Registry) *service {
	handler := checks.Handler()
	return &service{
		handler: handler,
		up:      func(name string) bool { return get(handler, "/readyz/"+name).Code == http.StatusOK },
		stop:    func() { must(0, checks.Shutdown(context.Background())) },
	}
}
