package diagnosis

import (
	"bytes"
	"net"
	"slices"
	"strconv"
	"strings"

	"go.opentelemetry.io/otel/trace"

	"github.com/otelmon/otelmon-go/console/store"
)

// peer is something outside the program that it calls.
type peer struct{ system, address, port, namespace, service string }

// peerParts is whom a span calls, as its attributes have it.
type peerParts struct{ system, address, port, namespace, service []byte }

// peerOf reads whom a span calls, nothing when it is the program's own work.
func peerOf(h *store.SpanHead) (p peerParts) {
	if h.Kind == trace.SpanKindServer || h.Kind == trace.SpanKindConsumer {
		return p
	}
	outward := h.Kind == trace.SpanKindClient || h.Kind == trace.SpanKindProducer
	h.Texts(func(key, value []byte) {
		switch string(key) {
		case "db.system.name", "db.system":
			p.system, outward = value, true
		case "messaging.system", "rpc.system":
			p.system = value
		case "server.address", "net.peer.name":
			p.address = value
		case "db.namespace", "db.name", "messaging.destination.name":
			p.namespace = value
		case "peer.service", "rpc.service":
			p.service = value
		}
	})
	if !outward {
		return peerParts{}
	}
	if isLocal(p.address) { // programs of one machine differ in their ports alone
		p.port = strconv.AppendInt(nil, h.Int("server.port"), 10)
	}
	return p
}

// key appends what tells peers apart.
func (p *peerParts) key(b []byte) []byte {
	for _, part := range [][]byte{p.system, p.address, p.port, p.namespace, p.service} {
		b = append(append(b, part...), 0)
	}
	return b
}

// peer returns a copy, nil when there is none.
func (p *peerParts) peer() *peer {
	of := peer{string(p.system), string(p.address), string(p.port), string(p.namespace), string(p.service)}
	if of == (peer{}) {
		return nil
	}
	return &of
}

func (p *peer) name() string {
	local := isLocal([]byte(p.address))
	switch {
	case p.service != "":
		return p.service
	case p.address != "" && !local:
		return p.address
	case p.system != "" && p.namespace != "":
		return p.system + " " + p.namespace
	case p.system != "":
		return p.system
	case local && p.port != "0":
		return net.JoinHostPort(p.address, p.port)
	default:
		return p.address
	}
}

func isLocal(address []byte) bool {
	switch string(address) {
	case "localhost", "::1":
		return true
	}
	return bytes.HasPrefix(address, []byte("127."))
}

// matches tells whether a name that people gave, such as that of a check or a
// pool, is likely to mean this peer.
func (p *peer) matches(name string) bool {
	isSQL := p.system != "" && !slices.Contains([]string{"redis", "valkey", "memcached", "kafka", "rabbitmq", "grpc"}, p.system)
	for _, w := range words(name) {
		switch w {
		case "db", "database", "sql":
			if isSQL {
				return true
			}
		case "cache":
			if p.system == "redis" || p.system == "valkey" || p.system == "memcached" {
				return true
			}
		case "api", "service", "internal", "local", "localhost", "http", "https", "check", "health", "server", "client", "main", "the", "com", "net", "org", "svc", "cluster", "pool":
		default:
			for _, v := range words(p.system + " " + p.address + " " + p.namespace + " " + p.service) {
				if len(w) >= 3 && len(v) >= 3 && (strings.HasPrefix(v, w) || strings.HasPrefix(w, v)) {
					return true
				}
			}
		}
	}
	return false
}

// owns tells whether a pool of this name is likely to hold connections to it.
func (p *peer) owns(pool string) bool {
	return p.namespace == pool || p.address == pool || p.matches(pool)
}

func words(s string) []string {
	return strings.FieldsFunc(strings.ToLower(s), func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9')
	})
}
