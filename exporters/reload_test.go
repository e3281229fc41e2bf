package exporters

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"

	"github.com/otelmon/otelmon-go/internal/oteltest"
)

func TestTokenIsRotated(t *testing.T) {
	r := receiver(t, oteltest.Options{})
	r.Fail(oteltest.Fault{Status: 401, Code: codes.Unauthenticated, Message: "token-1 is over", Only: func(q oteltest.Request) bool {
		return q.Header.Get("Authorization") != "Bearer token-2"
	}})
	for name, e := range both(r) {
		t.Run(name, func(t *testing.T) {
			e.TokenFile = filepath.Join(t.TempDir(), "token")
			write(t, e.TokenFile, "token-1\n")
			s := senderTo(t, e, Traces)
			body := requestOf(t, Traces, 1)
			wantAnswer(t, s.send(t.Context(), body, "b"), kindHold, "[redacted] is over")
			write(t, e.TokenFile, " token-2 \n\n")
			wantAnswer(t, s.send(t.Context(), body, "b"), kindDelivered, "")
		})
	}
}

// A token that was turned down is compared with the file even if the file's time
// and size say that nothing has changed.
func TestTokenIsRotatedWithinTheFilesTime(t *testing.T) {
	r := receiver(t, oteltest.Options{})
	for name, e := range both(r) {
		t.Run(name, func(t *testing.T) {
			r.Heal()
			e.TokenFile = filepath.Join(t.TempDir(), "token")
			moment := time.Now().Add(-time.Hour)
			rotate := func(token string) {
				write(t, e.TokenFile, token)
				if err := os.Chtimes(e.TokenFile, moment, moment); err != nil {
					t.Fatal(err)
				}
			}
			rotate("token-1")
			s := senderTo(t, e, Traces)
			body := requestOf(t, Traces, 1)
			wantAnswer(t, s.send(t.Context(), body, "b"), kindDelivered, "")
			rotate("token-2")
			r.Fail(oteltest.Fault{Status: 403, Code: codes.PermissionDenied, Only: func(q oteltest.Request) bool {
				return q.Header.Get("Authorization") != "Bearer token-2"
			}})
			wantAnswer(t, s.send(t.Context(), body, "b"), kindDelivered, "")
		})
	}
}

// A file that is gone or broken leaves the token in use, and is told when it
// matters.
func TestTokenOutlivesItsFile(t *testing.T) {
	r := receiver(t, oteltest.Options{})
	for name, e := range both(r) {
		t.Run(name, func(t *testing.T) {
			r.Heal()
			e.TokenFile = filepath.Join(t.TempDir(), "token")
			write(t, e.TokenFile, "token-1")
			s := senderTo(t, e, Traces)
			body := requestOf(t, Traces, 1)
			for content, words := range map[string]string{"": "is empty", "token-1 token-2": "more than one word", "töken": "more than one word", "gone": "no such file"} {
				write(t, e.TokenFile, content)
				if content == "gone" {
					if err := os.Remove(e.TokenFile); err != nil {
						t.Fatal(err)
					}
				}
				r.Heal()
				wantAnswer(t, s.send(t.Context(), body, "b"), kindDelivered, "")
				if got := r.Requests()[len(r.Requests())-1].Header.Get("Authorization"); got != "Bearer token-1" {
					t.Errorf("sent %q", got)
				}
				r.Fail(oteltest.Fault{Status: 503, Code: codes.Unavailable, Message: "busy"})
				wantAnswer(t, s.send(t.Context(), body, "b"), kindRetry, words)
			}
		})
	}
}

// Without the credentials that it is to have, a batch does not leave.
func TestNoTokenNoRequest(t *testing.T) {
	r := receiver(t, oteltest.Options{})
	s := senderTo(t, Endpoint{URL: r.HTTPURL()}, Traces)
	s.token = newToken(filepath.Join(t.TempDir(), "token"))
	wantAnswer(t, s.send(t.Context(), requestOf(t, Traces, 1), "b"), kindHold, "no such file")
	if got := len(r.Requests()); got != 0 {
		t.Errorf("%d requests", got)
	}
}

func TestTokenFileIsValidated(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "token")
	for content, want := range map[string]string{"": "is empty", "s3cret\ns3cret": "more than one word", strings.Repeat("s3cret", maxSecretFile): "larger than"} {
		write(t, file, content)
		if err := (Endpoint{TokenFile: file}).Validate(); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%v, want %q in it", err, want)
		}
	}
	for path, want := range map[string]string{dir: "no regular file", filepath.Join(dir, "none"): "no such file"} {
		if err := (Endpoint{TokenFile: path}).Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q in it", err, want)
		}
	}
	write(t, file, "token\n")
	if err := (Endpoint{TokenFile: file}).Validate(); err != nil {
		t.Error(err)
	}
	if err := (Endpoint{TokenFile: file, Headers: map[string]string{"authorization": "x"}}).Validate(); err == nil {
		t.Error("two credentials are no fault")
	}
}

// The server moves to another authority, and the client's files follow.
func TestCertificatesAreRotated(t *testing.T) {
	before, after := authorityIn(t), authorityIn(t)
	for _, protocol := range []string{ProtocolHTTP, ProtocolGRPC} {
		t.Run(protocol, func(t *testing.T) {
			r, err := oteltest.Start(oteltest.Options{TLS: before.MutualServer()})
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			e := Endpoint{
				URL: r.HTTPURL(), Protocol: protocol,
				CertificateFile: filepath.Join(dir, "ca"), ClientCertificateFile: filepath.Join(dir, "cert"), ClientKeyFile: filepath.Join(dir, "key"),
			}
			if protocol == ProtocolGRPC {
				e.URL = r.GRPCURL()
			}
			install(t, e, before)
			s := senderTo(t, e, Traces)
			body := requestOf(t, Traces, 1)
			wantAnswer(t, s.send(t.Context(), body, "b"), kindDelivered, "")

			o := r.Addrs()
			r.Close()
			o.TLS = after.MutualServer()
			receiver(t, o)
			for a := s.send(t.Context(), body, "b"); a.kind != kindHold; a = s.send(t.Context(), body, "b") {
				if a.kind == kindDelivered || t.Context().Err() != nil {
					t.Fatalf("%s: %v", a.kind, a.err)
				}
			}
			// Half a rotation: the certificate is there, the key is not yet.
			copyFile(t, after.ClientCertFile, e.ClientCertificateFile)
			wantAnswer(t, s.send(t.Context(), body, "b"), kindHold, "certificates stay as they were")
			install(t, e, after)
			wantAnswer(t, s.send(t.Context(), body, "b"), kindDelivered, "")
		})
	}
}

// A rotation takes hold of a connection that stands, and harms nobody on it.
func TestRotationReconnects(t *testing.T) {
	a := authorityIn(t)
	r := receiver(t, oteltest.Options{TLS: a.Server()})
	for name, e := range both(r) {
		t.Run(name, func(t *testing.T) {
			e.CertificateFile = filepath.Join(t.TempDir(), "ca")
			copyFile(t, a.CAFile, e.CertificateFile)
			s := senderTo(t, e, Traces)
			body := requestOf(t, Traces, 1)
			wantAnswer(t, s.send(t.Context(), body, "b"), kindDelivered, "")

			r.Fail(oteltest.Fault{Hang: true, Only: func(q oteltest.Request) bool { return q.Header.Get(batchHeader) == "slow" }})
			before := len(r.Requests())
			slow := make(chan answer, 1)
			ctx, cancel := context.WithCancel(t.Context())
			go func() { slow <- s.send(ctx, body, "slow") }()
			if err := r.Wait(t.Context(), func(r *oteltest.Receiver) bool { return len(r.Requests()) > before }); err != nil {
				t.Fatal(err)
			}
			old := s.current
			copyFile(t, authorityIn(t).CAFile, e.CertificateFile)
			wantAnswer(t, s.send(t.Context(), body, "b"), kindHold, "CertificateFile")
			s.mu.Lock()
			if !old.retired || old.users != 1 || old == s.current {
				t.Errorf("the old way: %+v", old)
			}
			s.mu.Unlock()
			copyFile(t, a.CAFile, e.CertificateFile)
			wantAnswer(t, s.send(t.Context(), body, "b"), kindDelivered, "")
			select {
			case got := <-slow:
				t.Errorf("the rotation broke off a request: %+v", got)
			default:
			}
			cancel()
			<-slow
			if c, ok := old.carrier.(*grpcCarrier); ok && c.conn.GetState() != connectivity.Shutdown {
				t.Error("the old connection stays open")
			}
		})
	}
}

func install(t *testing.T, e Endpoint, a *oteltest.Authority) {
	t.Helper()
	copyFile(t, a.CAFile, e.CertificateFile)
	copyFile(t, a.ClientCertFile, e.ClientCertificateFile)
	copyFile(t, a.ClientKeyFile, e.ClientKeyFile)
}

// copyFile replaces a file as rotating tools do: by a rename.
func copyFile(t *testing.T, from, to string) {
	t.Helper()
	content, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	write(t, to+".new", string(content))
	if err := os.Rename(to+".new", to); err != nil {
		t.Fatal(err)
	}
}

func TestSenderIsValidatedFirst(t *testing.T) {
	bad := Endpoint{URL: "localhost:4318", Protocol: "soap", CertificateFile: "none", TokenFile: "none"}
	if _, err := bad.sender(Traces); err == nil || err.Error() != bad.Validate().Error() {
		t.Errorf("%v, want %v", err, bad.Validate())
	}
}
