package checkers

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/otelmon/otelmon-go/health"
)

const day = 24 * time.Hour

// CertificateOptions refine [Certificate]. A zero threshold is not judged, but
// if both are zero, Degraded is 21 days and Unhealthy is 7.
type CertificateOptions struct {
	// Config is used for the handshake: its RootCAs, ServerName (the address's
	// host if empty) and client certificates. Nil means the system's roots. It
	// must not change afterwards. With InsecureSkipVerify the dates are judged and
	// nothing else.
	Config *tls.Config

	Degraded  time.Duration // time left
	Unhealthy time.Duration // time left
}

func (o CertificateOptions) withDefaults() CertificateOptions {
	if o.Degraded == 0 && o.Unhealthy == 0 {
		o.Degraded, o.Unhealthy = 21*day, 7*day
	}
	if o.Config == nil {
		o.Config = new(tls.Config)
	}
	o.Config = o.Config.Clone()
	o.Config.ClientSessionCache = nil // a resumed session shows the certificate of old
	return o
}

func (o CertificateOptions) fault() string {
	switch {
	case o.Degraded < 0, o.Unhealthy < 0:
		return "a time must not be negative"
	case o.Degraded != 0 && o.Degraded < o.Unhealthy:
		return "degraded must begin before unhealthy"
	}
	return ""
}

// Certificate checks the certificate of the TLS server at address (host:port):
// unhealthy if it is not valid for the host, not trusted or expired, and worse
// the less time is left. Of a chain the certificate that expires first counts;
// where several chains lead to a root, the chain that lasts longest.
//
// The details are tls.server.not_after, tls.server.days_left,
// tls.server.subject and tls.server.issuer of that certificate, or of the
// server's own if it was refused. Each execution opens a connection, does a
// handshake and closes it, so an Interval of minutes will do. A server that asks
// for TLS after some words in plain text (STARTTLS) can't be checked.
func Certificate(address string, o CertificateOptions) func(context.Context) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil || host == "" || port == "" {
		return broken("certificate", "the address must be host:port")
	}
	o = o.withDefaults()
	if fault := o.fault(); fault != "" {
		return broken("certificate", fault)
	}
	if o.Config.ServerName == "" {
		o.Config.ServerName = host
	}
	return func(ctx context.Context) error {
		raw, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		if err != nil {
			return err
		}
		conn := tls.Client(raw, o.Config)
		defer conn.Close()
		if err := conn.HandshakeContext(ctx); err != nil {
			if refused, ok := errors.AsType[*tls.CertificateVerificationError](err); ok && len(refused.UnverifiedCertificates) > 0 {
				o.describe(ctx, refused.UnverifiedCertificates[0])
			}
			return fmt.Errorf("%s: %w", address, err)
		}
		return o.judge(ctx, address, conn.ConnectionState())
	}
}

func (o CertificateOptions) judge(ctx context.Context, address string, state tls.ConnectionState) error {
	first := earliest(state.PeerCertificates)
	for i, chain := range state.VerifiedChains {
		if c := earliest(chain); i == 0 || c.NotAfter.After(first.NotAfter) {
			first = c
		}
	}
	left := o.describe(ctx, first)
	err := fmt.Errorf("%s: the certificate of %s expires in %.1f days", address, first.Subject, left.Hours()/24)
	switch {
	case left <= 0:
		return fmt.Errorf("%s: the certificate of %s has expired", address, first.Subject)
	case left < o.Unhealthy:
		return err
	case left < o.Degraded:
		return health.Degraded(err)
	}
	return nil
}

// describe adds the details of c and returns the time it has left.
func (o CertificateOptions) describe(ctx context.Context, c *x509.Certificate) time.Duration {
	now := time.Now
	if o.Config.Time != nil {
		now = o.Config.Time
	}
	left := c.NotAfter.Sub(now())
	health.Detail(
		ctx,
		attribute.String("tls.server.not_after", c.NotAfter.UTC().Format(time.RFC3339)),
		attribute.Float64("tls.server.days_left", left.Hours()/24),
		attribute.String("tls.server.subject", c.Subject.String()),
		attribute.String("tls.server.issuer", c.Issuer.String()),
	)
	return left
}

func earliest(chain []*x509.Certificate) *x509.Certificate {
	first := chain[0] // a handshake without a certificate fails
	for _, c := range chain[1:] {
		if c.NotAfter.Before(first.NotAfter) {
			first = c
		}
	}
	return first
}
