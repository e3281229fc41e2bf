package oteltest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// Authority is a certificate authority for one test, with its files.
type Authority struct {
	// CAFile, ClientCertFile and ClientKeyFile are what a client is given.
	CAFile         string
	ClientCertFile string
	ClientKeyFile  string

	pool   *x509.CertPool
	server tls.Certificate
}

// NewAuthority makes a CA, a certificate for a server on this machine and one
// for a client, and writes what a client needs into dir.
func NewAuthority(dir string) (*Authority, error) {
	ca, caKey, err := issue(&x509.Certificate{
		Subject: pkix.Name{CommonName: "oteltest CA"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}, nil, nil)
	if err != nil {
		return nil, err
	}
	server, serverKey, err := issue(&x509.Certificate{
		Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, ca, caKey)
	if err != nil {
		return nil, err
	}
	client, clientKey, err := issue(&x509.Certificate{
		Subject: pkix.Name{CommonName: "client"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}, ca, caKey)
	if err != nil {
		return nil, err
	}
	a := &Authority{
		CAFile: filepath.Join(dir, "ca.pem"), ClientCertFile: filepath.Join(dir, "client.pem"), ClientKeyFile: filepath.Join(dir, "client.key"),
		pool:   x509.NewCertPool(),
		server: tls.Certificate{Certificate: [][]byte{server.Raw}, PrivateKey: serverKey},
	}
	a.pool.AddCert(ca)
	return a, a.write(ca, client, clientKey)
}

// Server returns the configuration of a server that takes any client.
func (a *Authority) Server() *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{a.server}, MinVersion: tls.VersionTLS12}
}

// MutualServer returns the configuration of a server that asks for a client
// certificate of this authority.
func (a *Authority) MutualServer() *tls.Config {
	config := a.Server()
	config.ClientCAs, config.ClientAuth = a.pool, tls.RequireAndVerifyClientCert
	return config
}

func issue(template, parent *x509.Certificate, parentKey *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	if parent == nil {
		parent, parentKey = template, key
	}
	now := time.Now()
	template.SerialNumber = big.NewInt(now.UnixNano())
	template.NotBefore, template.NotAfter = now.Add(-time.Hour), now.Add(time.Hour)
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, parentKey)
	if err != nil {
		return nil, nil, err
	}
	cert, err := x509.ParseCertificate(der)
	return cert, key, err
}

func (a *Authority) write(ca, client *x509.Certificate, key *ecdsa.PrivateKey) error {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	for file, block := range map[string]*pem.Block{
		a.CAFile:         {Type: "CERTIFICATE", Bytes: ca.Raw},
		a.ClientCertFile: {Type: "CERTIFICATE", Bytes: client.Raw},
		a.ClientKeyFile:  {Type: "PRIVATE KEY", Bytes: der},
	} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			return err
		}
	}
	return nil
}
