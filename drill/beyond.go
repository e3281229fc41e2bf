package drill

import (
	"bytes"
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync/atomic"

	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/otelmon/otelmon-go/exporters"
)

// beyond is the backend that the settings name, behind all stands.
type beyond struct {
	to    map[exporters.Signal]*target
	hosts []string // each once
	items atomic.Int64
}

// target is an endpoint as requests are passed on to it. Credentials come in here
// alone: while a stand is away, anybody may get its port.
type target struct {
	url       *url.URL
	overGRPC  bool
	header    http.Header
	transport *http.Transport
}

func newBeyond(d exporters.Destination) (*beyond, error) {
	b := &beyond{to: map[exporters.Signal]*target{}}
	for signal, e := range map[exporters.Signal]*exporters.Endpoint{exporters.Traces: d.Traces, exporters.Metrics: d.Metrics, exporters.Logs: d.Logs} {
		if e == nil {
			continue
		}
		to, err := newTarget(*e, signal)
		if err != nil {
			return nil, err
		}
		b.to[signal] = to
		b.hosts = append(b.hosts, to.url.Host)
	}
	slices.Sort(b.hosts)
	b.hosts = slices.Compact(b.hosts)
	return b, nil
}

func newTarget(e exporters.Endpoint, signal exporters.Signal) (*target, error) {
	if err := e.Validate(); err != nil {
		return nil, err
	}
	if !strings.Contains(e.URL, "://") {
		e.URL = "http://" + e.URL
	}
	u, err := url.Parse(e.URL)
	if err != nil {
		return nil, err
	}
	u.Path = cmp.Or(u.Path, "/")
	t := &target{url: u, overGRPC: e.Protocol == exporters.ProtocolGRPC, header: http.Header{}}
	if !t.overGRPC && !e.Exact {
		t.url = u.JoinPath("/v1/" + signal.String())
	}
	for name, value := range e.Headers {
		if t.overGRPC && strings.HasSuffix(strings.ToLower(name), "-bin") {
			value = base64.RawStdEncoding.EncodeToString([]byte(value))
		}
		t.header.Set(name, value)
	}
	t.header.Del("Content-Type") // is that of the content
	if e.TokenFile != "" {
		token, err := os.ReadFile(e.TokenFile)
		if err != nil {
			return nil, err
		}
		t.header.Set("Authorization", "Bearer "+string(bytes.TrimSpace(token)))
	}
	t.transport = &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, DisableCompression: true}
	if t.overGRPC {
		t.transport.Protocols = new(http.Protocols)
		t.transport.Protocols.SetHTTP2(true)
		t.transport.Protocols.SetUnencryptedHTTP2(true)
	}
	t.transport.TLSClientConfig, err = secured(e)
	return t, err
}

func secured(e exporters.Endpoint) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if e.CertificateFile != "" {
		pem, err := os.ReadFile(e.CertificateFile)
		if err != nil {
			return nil, err
		}
		config.RootCAs = x509.NewCertPool()
		config.RootCAs.AppendCertsFromPEM(pem)
	}
	if e.ClientCertificateFile != "" {
		pair, err := tls.LoadX509KeyPair(e.ClientCertificateFile, e.ClientKeyFile)
		if err != nil {
			return nil, err
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}

func (b *beyond) close() {
	for _, t := range b.to {
		t.transport.CloseIdleConnections()
	}
}

// pass hands a request on to the backend, and its answer back.
func (s *stand) pass(a answering, r request, req *http.Request) {
	if s.beyond.items.Add(int64(len(r.ids))) > MaxItems {
		if s.lastWords() == "" {
			s.note(fmt.Sprintf("was sent no more: %d items are the most", MaxItems))
		}
		a.refuse(http.StatusServiceUnavailable, codes.Unavailable, 0)
		return
	}
	to := s.beyond.to[r.signal]
	req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(r.body)), int64(len(r.body))
	proxy := httputil.ReverseProxy{
		Transport:      to.transport,
		Rewrite:        to.rewrite,
		ModifyResponse: func(resp *http.Response) error { return s.answered(resp, a, r) },
		ErrorHandler: func(_ http.ResponseWriter, req *http.Request, err error) {
			if req.Context().Err() == nil {
				s.note(fmt.Sprintf("gave no answer: %v", err))
			}
			a.refuse(http.StatusBadGateway, codes.Unavailable, 0)
		},
		ErrorLog: log.New(io.Discard, "", 0), // a sender that is gone needs no answer
	}
	proxy.ServeHTTP(a.w, req)
}

func (t *target) rewrite(p *httputil.ProxyRequest) {
	to := *t.url
	if t.overGRPC {
		to.Path = p.In.URL.Path
	}
	p.Out.URL, p.Out.Host = &to, to.Host
	p.Out.Header.Del(keyHeader)
	maps.Copy(p.Out.Header, t.header)
}

// answered counts what the backend says that it took.
func (s *stand) answered(resp *http.Response, a answering, r request) error {
	const longest = 4 << 20
	body, err := io.ReadAll(io.LimitReader(resp.Body, longest))
	_ = resp.Body.Close()
	if err != nil {
		return err
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	status := cmp.Or(resp.Trailer.Get("Grpc-Status"), resp.Header.Get("Grpc-Status"))
	switch {
	case resp.StatusCode/100 != 2:
		s.note(fmt.Sprintf("answered with status %d", resp.StatusCode))
	case a.overGRPC && status != "0":
		s.note(fmt.Sprintf("answered with code %.10q of gRPC", status))
	default:
		s.take(r.signal, r.ids[min(a.rejected(resp.Header, body), int64(len(r.ids))):])
	}
	return nil
}

// rejected reads how many items were not taken of a request that was. The answers
// of all signals have the same numbers and types of fields, and one that is no
// OTLP rejects nothing.
func (a answering) rejected(header http.Header, body []byte) int64 {
	content, err := a.message(header, body)
	var response coltrace.ExportTraceServiceResponse
	if err != nil || proto.Unmarshal(content, &response) != nil {
		return 0
	}
	return max(response.GetPartialSuccess().GetRejectedSpans(), 0)
}

// note keeps what the backend did in place of taking a request. Its own words are
// left out: they may echo credentials.
func (s *stand) note(said string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.said = said
}

func (s *stand) lastWords() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.said == "" {
		return ""
	}
	return "; the backend " + s.said
}
