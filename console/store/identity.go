package store

import (
	"sync/atomic"

	"go.opentelemetry.io/otel/sdk/resource"
)

// identity is who the telemetry says it is from: the first resource seen.
type identity struct {
	of atomic.Pointer[resource.Resource]
}

func (i *identity) learn(r *resource.Resource) {
	if r != nil && i.of.Load() == nil {
		i.of.CompareAndSwap(nil, r)
	}
}

func (i *identity) attributes() Attributes {
	r := i.of.Load()
	if r == nil {
		return Attributes{}
	}
	return attributesOf(r.Set())
}
