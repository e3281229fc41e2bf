package checkers

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"github.com/otelmon/otelmon-go/health"
)

// nameServer answers questions for A records over UDP on this machine. While
// it is silent it takes them and says nothing.
type nameServer struct {
	conn   net.PacketConn
	silent atomic.Bool
	asked  chan struct{} // for each question that met silence

	mu      sync.Mutex
	records map[string][][4]byte
}

func serveNames(t *testing.T, records map[string][][4]byte) *nameServer {
	t.Helper()
	conn, err := new(net.ListenConfig).ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	must(t, err)
	s := &nameServer{conn: conn, records: records, asked: make(chan struct{}, 100)}
	var served sync.WaitGroup
	served.Go(s.serve)
	t.Cleanup(func() { must(t, conn.Close()); served.Wait() })
	return s
}

func (s *nameServer) resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", s.conn.LocalAddr().String())
	}}
}

func (s *nameServer) serve() {
	buffer := make([]byte, 1500)
	for {
		n, from, err := s.conn.ReadFrom(buffer)
		if err != nil {
			return
		}
		if s.silent.Load() {
			s.asked <- struct{}{}
			continue
		}
		_, _ = s.conn.WriteTo(s.answer(buffer[:n]), from)
	}
}

// answer builds a message of RFC 1035, section 4: the header, the question as it
// came, and an A record for each address.
func (s *nameServer) answer(query []byte) []byte {
	var name []string
	at := 12
	for query[at] != 0 {
		size := int(query[at])
		name = append(name, string(query[at+1:at+1+size]))
		at += 1 + size
	}
	kind := binary.BigEndian.Uint16(query[at+1:])
	end := at + 5
	s.mu.Lock()
	addresses, known := s.records[strings.Join(name, ".")]
	s.mu.Unlock()
	if kind != 1 {
		addresses = nil
	}
	reply := append([]byte(nil), query[:end]...)
	reply[2], reply[3] = 0x84, 0 // an authoritative answer
	if !known {
		reply[3] = 3 // no such name
	}
	clear(reply[4:12])
	reply[5], reply[7] = 1, byte(len(addresses))
	for _, a := range addresses {
		reply = append(reply, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4)
		reply = append(reply, a[:]...)
	}
	return reply
}

func TestDNS(t *testing.T) {
	s := serveNames(t, map[string][][4]byte{
		"one.example": {{192, 0, 2, 1}},
		"two.example": {{192, 0, 2, 1}, {192, 0, 2, 2}, {192, 0, 2, 1}},
		"nil.example": {},
	})
	for _, tc := range []struct {
		name, count string
		addresses   int
		want        health.State
		message     string
	}{
		{"one.example.", "1", 0, health.StateHealthy, ""},
		{"two.example.", "2", 2, health.StateHealthy, ""},
		{"two.example.", "2", 3, health.StateUnhealthy, "two.example. has 2 addresses, fewer than 3"},
		{"nil.example.", "", 0, health.StateUnhealthy, ""},
		{"no.example.", "", 0, health.StateUnhealthy, ""},
	} {
		got := expect(t, DNS(tc.name, DNSOptions{Resolver: s.resolver(), Addresses: tc.addresses}), tc.want, tc.message)
		if tc.message == "" && tc.want == health.StateUnhealthy && !strings.Contains(got.Message, "no such host") {
			t.Errorf("%s: %s", tc.name, got.Message)
		}
		if tc.count != "" && detail(t, got, "dns.addresses") != tc.count {
			t.Errorf("%s: %s addresses", tc.name, detail(t, got, "dns.addresses"))
		}
	}
}

func TestDNSFollowsTheServer(t *testing.T) {
	s := serveNames(t, map[string][][4]byte{"a.example": {{192, 0, 2, 1}}})
	check := DNS("a.example.", DNSOptions{Resolver: s.resolver()})
	must(t, check(t.Context()))
	s.mu.Lock()
	delete(s.records, "a.example")
	s.mu.Unlock()
	if err := check(t.Context()); err == nil {
		t.Error("healthy with a name that is gone")
	}

	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	s.silent.Store(true)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-s.asked; cancel() }()
	if err := check(ctx); err == nil || !errors.Is(ctx.Err(), context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestDNSUsesTheSystemByDefault(t *testing.T) {
	must(t, DNS("localhost", DNSOptions{})(t.Context()))
}
