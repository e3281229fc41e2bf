package exporters

import "fmt"

// FieldError is one fault of an [Endpoint] and the field to change, for callers
// that know the field under another name, such as that of a variable. The error
// of [Endpoint.Validate] gives them all by Unwrap() []error, each a *FieldError.
type FieldError struct {
	// Field is the name of the Endpoint's field: URL, Protocol, Headers,
	// TokenFile, Compression, Timeout, CertificateFile, ClientCertificateFile,
	// ClientKeyFile or Insecure. Of two that contradict each other it is the one
	// that the fault suggests to change.
	Field string
	// Err says what is wrong and what to write. It holds no secret.
	Err error
}

// Error returns the text of Err, which names the field in words.
func (e *FieldError) Error() string { return e.Err.Error() }

// Unwrap returns Err.
func (e *FieldError) Unwrap() error { return e.Err }

func fault(field, format string, args ...any) error {
	return &FieldError{Field: field, Err: fmt.Errorf(format, args...)}
}
