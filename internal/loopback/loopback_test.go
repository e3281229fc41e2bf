package loopback

import (
	"net"
	"testing"
)

func TestNoAddressTwice(t *testing.T) {
	seen := map[string]bool{}
	for range 500 {
		addr := Addr(t)
		if seen[addr] {
			t.Errorf("%s again", addr)
		}
		seen[addr] = true
		if at, err := net.ResolveTCPAddr("tcp", addr); err != nil || !at.IP.IsLoopback() || at.Port >= 30000 {
			t.Errorf("%s, %v", addr, err)
		}
	}
}
