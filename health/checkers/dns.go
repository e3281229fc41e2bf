package checkers

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/otelmon/otelmon-go/health"
)

// DNSOptions refine [DNS]. The zero value works.
type DNSOptions struct {
	// Resolver is the application's own. Nil means net.DefaultResolver.
	Resolver *net.Resolver

	// Addresses is how many different ones, IPv4 and IPv6 together, there must
	// be at least. Zero means 1.
	Addresses int
}

// DNS checks that name resolves. The detail dns.addresses counts what it
// resolves to. A name that ends with a dot is not tried with search domains.
// Where the system's resolver is used through cgo, one that does not answer
// holds a thread for longer than the check's context lasts.
func DNS(name string, o DNSOptions) func(context.Context) error {
	if o.Addresses == 0 {
		o.Addresses = 1
	}
	_, err := netip.ParseAddr(name)
	switch {
	case name == "":
		return broken("dns", "the name is empty")
	case err == nil:
		return broken("dns", "an address needs no resolving")
	case o.Addresses < 0:
		return broken("dns", "the number of addresses must not be negative")
	}
	resolver := obedient(o.Resolver)
	return func(ctx context.Context) error {
		addresses, err := resolver.LookupNetIP(ctx, "ip", name)
		if err != nil {
			return err
		}
		distinct := make(map[netip.Addr]bool, len(addresses))
		for _, a := range addresses {
			distinct[a.Unmap()] = true
		}
		health.Detail(ctx, attribute.Int("dns.addresses", len(distinct)))
		if len(distinct) < o.Addresses {
			return fmt.Errorf("%s has %d addresses, fewer than %d", name, len(distinct), o.Addresses)
		}
		return nil
	}
}

// obedient returns a resolver whose questions end with their context. Those of
// package net go on in the background until their own timeout of 5 s, and with
// them a goroutine and a socket for each.
func obedient(r *net.Resolver) *net.Resolver {
	if r == nil {
		r = net.DefaultResolver
	}
	dial := r.Dial
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	return &net.Resolver{PreferGo: r.PreferGo, StrictErrors: r.StrictErrors, Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err == nil {
			context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
		}
		return conn, err
	}}
}
