package alert

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"syscall"
)

// An addressError says that nothing is sent to an address.
type addressError struct{ address netip.Addr }

func (e *addressError) Error() string {
	return fmt.Sprintf("%v is a link-local or metadata address: nothing is sent there", e.address)
}

// metadata lists addresses, outside of the link-local ranges, where clouds hand
// credentials to whoever asks from inside.
func metadata() []netip.Addr {
	return []netip.Addr{
		netip.AddrFrom4([4]byte{100, 100, 100, 200}), // Alibaba Cloud
		netip.AddrFrom4([4]byte{168, 63, 129, 16}),   // Azure
		netip.AddrFrom4([4]byte{192, 0, 0, 192}),     // Oracle Cloud
		netip.MustParseAddr("fd00:ec2::254"),         // AWS
		netip.MustParseAddr("fd20:ce::254"),          // Google Cloud
		netip.MustParseAddr("fd00:42::42"),           // Scaleway
		netip.MustParseAddr("fd00:c1::a9fe:a9fe"),    // Oracle Cloud
	}
}

// guard is asked for each connection, with the address that it goes to: behind
// any name, whatever that resolved to a moment ago. Loopback and private
// addresses are where an Alertmanager usually is.
func guard(_ context.Context, _, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("address %q: %w", address, err)
	}
	return allowed(to.Addr())
}

// literalAddress refuses at once what guard would refuse later, and also behind
// a proxy, which guard can't see through.
func literalAddress(host string) error {
	if to, err := netip.ParseAddr(host); err == nil {
		return allowed(to)
	}
	return nil
}

func allowed(to netip.Addr) error {
	plain := embedded(to.WithZone("").Unmap())
	if plain.IsLinkLocalUnicast() || plain.IsMulticast() || slices.Contains(metadata(), plain) {
		return &addressError{to}
	}
	return nil
}

// embedded returns the IPv4 address within one that NAT64 (RFC 6052) or 6to4
// (RFC 3056) translates, else the address itself.
func embedded(to netip.Addr) netip.Addr {
	b := to.As16()
	switch {
	case netip.PrefixFrom(netip.AddrFrom16([16]byte{0, 0x64, 0xff, 0x9b}), 96).Contains(to):
		return netip.AddrFrom4([4]byte(b[12:]))
	case to.Is6() && b[0] == 0x20 && b[1] == 0x02:
		return netip.AddrFrom4([4]byte(b[2:6]))
	}
	return to
}
