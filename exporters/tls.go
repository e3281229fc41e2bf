package exporters

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// tlsConfig reads the certificate files.
func (e Endpoint) tlsConfig() (*tls.Config, []error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	var faults []error
	if e.CertificateFile != "" {
		pem, err := os.ReadFile(e.CertificateFile)
		if err != nil {
			faults = append(faults, fmt.Errorf("CertificateFile cannot be read: %w", err))
		} else if config.RootCAs = x509.NewCertPool(); !config.RootCAs.AppendCertsFromPEM(pem) {
			faults = append(faults, fmt.Errorf("CertificateFile %s holds no certificate in PEM form", e.CertificateFile))
		}
	}
	switch hasCert, hasKey := e.ClientCertificateFile != "", e.ClientKeyFile != ""; {
	case hasCert && hasKey:
		pair, err := tls.LoadX509KeyPair(e.ClientCertificateFile, e.ClientKeyFile)
		if err != nil {
			faults = append(faults, clientPairFault(e, err))
		}
		config.Certificates = []tls.Certificate{pair}
	case hasCert:
		faults = append(faults, errors.New("ClientCertificateFile is given without ClientKeyFile; give both or none"))
	case hasKey:
		faults = append(faults, errors.New("ClientKeyFile is given without ClientCertificateFile; give both or none"))
	}
	return config, faults
}

// clientPairFault names the files where the standard library does not.
func clientPairFault(e Endpoint, err error) error {
	if _, ok := errors.AsType[*fs.PathError](err); ok {
		return fmt.Errorf("client certificate cannot be read: %w", err)
	}
	return fmt.Errorf("ClientCertificateFile %s and ClientKeyFile %s are no pair: %w", e.ClientCertificateFile, e.ClientKeyFile, err)
}
