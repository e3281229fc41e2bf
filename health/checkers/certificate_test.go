package checkers

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/otelmon/otelmon-go/health"
)

// issued is a certificate with its key and those above it, nearest first.
type issued struct {
	cert  *x509.Certificate
	key   *ecdsa.PrivateKey
	above []*x509.Certificate
}

// issue makes a certificate that is valid for left from now on: for a host if the name
// has a dot, or else for an authority. Without an issuer it signs itself.
func issue(t *testing.T, name string, left time.Duration, by *issued) *issued {
	t.Helper()
	isCA := !strings.Contains(name, ".")
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	c := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    time.Now().Add(-1000 * day), NotAfter: time.Now().Add(left),
		IsCA: isCA, BasicConstraintsValid: true,
	}
	if isCA {
		c.KeyUsage = x509.KeyUsageCertSign
	} else {
		c.DNSNames = []string{name}
		c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	}
	self := &issued{cert: c, key: key}
	if by == nil {
		by = self
	} else {
		self.above = append([]*x509.Certificate{by.cert}, by.above...)
	}
	der, err := x509.CreateCertificate(rand.Reader, c, by.cert, &key.PublicKey, by.key)
	must(t, err)
	self.cert, err = x509.ParseCertificate(der)
	must(t, err)
	return self
}

// served is what a server shows: the certificate and all above but the root.
func (i *issued) served() tls.Certificate {
	shown := tls.Certificate{Certificate: [][]byte{i.cert.Raw}, PrivateKey: i.key}
	for n, c := range i.above {
		if n < len(i.above)-1 {
			shown.Certificate = append(shown.Certificate, c.Raw)
		}
	}
	return shown
}

// serveTLS shakes hands and reads until the client has closed. current is asked
// for each connection, ended stops and says how many there were.
func serveTLS(t *testing.T, current func() tls.Certificate) (address string, ended func() int) {
	t.Helper()
	raw, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	listener := tls.NewListener(raw, &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		c := current()
		return &c, nil
	}})
	var serving sync.WaitGroup
	var mu sync.Mutex
	connections := 0
	serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				_, _ = conn.Read(make([]byte, 1)) // until the check has closed
				conn.Close()
				mu.Lock()
				connections++
				mu.Unlock()
			})
		}
	})
	ended = sync.OnceValue(func() int {
		must(t, listener.Close())
		serving.Wait()
		return connections
	})
	t.Cleanup(func() { ended() })
	return raw.Addr().String(), ended
}

func poolOf(roots ...*issued) *x509.CertPool {
	pool := x509.NewCertPool()
	for _, r := range roots {
		pool.AddCert(r.cert)
	}
	return pool
}

func TestCertificate(t *testing.T) {
	root := issue(t, "root", 1000*day, nil)
	other := issue(t, "other root", 1000*day, nil)
	middle := issue(t, "middle", 5*day, root)
	trusting := func(o CertificateOptions) CertificateOptions {
		o.Config = &tls.Config{RootCAs: poolOf(root), ServerName: "shop.example"}
		return o
	}
	blind := CertificateOptions{Config: &tls.Config{InsecureSkipVerify: true}}
	for name, tc := range map[string]struct {
		shown           *issued
		o               CertificateOptions
		want            health.State
		message, expiry string // part of the message, and the certificate that counts
	}{
		"long":             {issue(t, "shop.example", 90*day, root), trusting(CertificateOptions{}), health.StateHealthy, "", "shop.example"},
		"about to expire":  {issue(t, "shop.example", 20*day, root), trusting(CertificateOptions{}), health.StateDegraded, "CN=shop.example expires in 20.0 days", "shop.example"},
		"very soon":        {issue(t, "shop.example", 6*day, root), trusting(CertificateOptions{}), health.StateUnhealthy, "CN=shop.example expires in 6.0 days", "shop.example"},
		"own limits":       {issue(t, "shop.example", 6*day, root), trusting(CertificateOptions{Degraded: 5 * day}), health.StateHealthy, "", "shop.example"},
		"degraded only":    {issue(t, "shop.example", time.Hour, root), trusting(CertificateOptions{Degraded: 5 * day}), health.StateDegraded, "expires in 0.0 days", "shop.example"},
		"expired":          {issue(t, "shop.example", -day, root), trusting(CertificateOptions{}), health.StateUnhealthy, "certificate has expired", "shop.example"},
		"wrong host":       {issue(t, "mail.example", 90*day, root), trusting(CertificateOptions{}), health.StateUnhealthy, "is valid for mail.example, not shop.example", "mail.example"},
		"self-signed":      {issue(t, "shop.example", 90*day, nil), trusting(CertificateOptions{}), health.StateUnhealthy, "unknown authority", "shop.example"},
		"unknown root":     {issue(t, "shop.example", 90*day, other), trusting(CertificateOptions{}), health.StateUnhealthy, "unknown authority", "shop.example"},
		"chain":            {issue(t, "shop.example", 90*day, middle), trusting(CertificateOptions{}), health.StateUnhealthy, "CN=middle expires in 5.0 days", "middle"},
		"not verified":     {issue(t, "mail.example", 90*day, nil), blind, health.StateHealthy, "", "mail.example"},
		"verified by none": {issue(t, "mail.example", -day, nil), blind, health.StateUnhealthy, "CN=mail.example has expired", "mail.example"},
	} {
		t.Run(name, func(t *testing.T) {
			address, ended := serveTLS(t, tc.shown.served)
			got := expect(t, Certificate(address, tc.o), tc.want, "")
			if !strings.Contains(got.Message, tc.message) || got.Message != "" && !strings.HasPrefix(got.Message, address+": ") {
				t.Errorf("message %q, want %q", got.Message, tc.message)
			}
			if subject := detail(t, got, "tls.server.subject"); subject != "CN="+tc.expiry {
				t.Errorf("subject %s", subject)
			}
			for _, key := range []string{"tls.server.not_after", "tls.server.days_left", "tls.server.issuer"} {
				detail(t, got, key)
			}
			if n := ended(); n < 1 {
				t.Errorf("%d connections came to an end", n)
			}
		})
	}
}

// A root that expires soon does not matter while another way leads to one that
// doesn't, as after a cross-signature.
func TestCertificateTakesTheChainThatLasts(t *testing.T) {
	key := issue(t, "middle", 300*day, nil)
	old, fresh := issue(t, "old root", 2*day, nil), issue(t, "fresh root", 500*day, nil)
	leaf := issue(t, "shop.example", 90*day, key)
	shown := tls.Certificate{Certificate: [][]byte{leaf.cert.Raw}, PrivateKey: leaf.key}
	for _, root := range []*issued{old, fresh} {
		der, err := x509.CreateCertificate(rand.Reader, key.cert, root.cert, &key.key.PublicKey, root.key)
		must(t, err)
		shown.Certificate = append(shown.Certificate, der)
	}
	address, _ := serveTLS(t, func() tls.Certificate { return shown })
	check := func(roots ...*issued) func(context.Context) error {
		return Certificate(address, CertificateOptions{Config: &tls.Config{RootCAs: poolOf(roots...), ServerName: "shop.example"}})
	}
	expect(t, check(old, fresh), health.StateHealthy, "")
	expect(t, check(old), health.StateUnhealthy, address+": the certificate of CN=old root expires in 2.0 days")
}

// A cache of sessions must not hide that the certificate was changed.
func TestCertificateSeesARenewal(t *testing.T) {
	root := issue(t, "root", 1000*day, nil)
	soon, renewed := issue(t, "shop.example", day, root), issue(t, "shop.example", 90*day, root)
	var mu sync.Mutex
	current := soon
	address, _ := serveTLS(t, func() tls.Certificate {
		mu.Lock()
		defer mu.Unlock()
		return current.served()
	})
	cfg := &tls.Config{
		RootCAs: poolOf(root), ServerName: "shop.example", ClientSessionCache: tls.NewLRUClientSessionCache(1),
		MaxVersion: tls.VersionTLS12, // whose session is known before anything is read
	}
	check := Certificate(address, CertificateOptions{Config: cfg})
	expect(t, check, health.StateUnhealthy, "")
	mu.Lock()
	current = renewed
	mu.Unlock()
	expect(t, check, health.StateHealthy, "")
	if cfg.ClientSessionCache == nil {
		t.Error("the caller's configuration was changed")
	}
}

// A server that takes connections and never says a word must not hold the
// check beyond its context.
func TestCertificateObeysItsContext(t *testing.T) {
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	var serving sync.WaitGroup
	serving.Go(func() {
		conn, err := listener.Accept()
		if err != nil {
			t.Error(err)
			return
		}
		cancel()
		_, _ = conn.Read(make([]byte, 1<<16))
		if _, err := conn.Read(make([]byte, 1)); err == nil {
			t.Error("the check went on")
		}
		conn.Close()
	})
	check := Certificate(listener.Addr().String(), CertificateOptions{})
	if err := check(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	serving.Wait()
	must(t, listener.Close())
	if err := check(t.Context()); err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("error %v", err)
	}
}
