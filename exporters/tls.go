package exporters

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
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
			faults = append(faults, fault("CertificateFile", "CertificateFile cannot be read: %w", err))
		} else if config.RootCAs = x509.NewCertPool(); !config.RootCAs.AppendCertsFromPEM(pem) {
			faults = append(faults, fault("CertificateFile", "CertificateFile %s holds no certificate in PEM form", e.CertificateFile))
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
		faults = append(faults, fault("ClientCertificateFile", "ClientCertificateFile is given without ClientKeyFile; give both or none"))
	case hasKey:
		faults = append(faults, fault("ClientKeyFile", "ClientKeyFile is given without ClientCertificateFile; give both or none"))
	}
	return config, faults
}

// clientPairFault names the files where the standard library does not.
func clientPairFault(e Endpoint, err error) error {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		field := "ClientCertificateFile"
		if path.Path != e.ClientCertificateFile {
			field = "ClientKeyFile"
		}
		return fault(field, "client certificate cannot be read: %w", err)
	}
	return fault("ClientCertificateFile", "ClientCertificateFile %s and ClientKeyFile %s are no pair: %w", e.ClientCertificateFile, e.ClientKeyFile, err)
}
