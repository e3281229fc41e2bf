package alert

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/otelmon/otelmon-go/internal/loopback"
)

// send makes one attempt over the real transport.
func send(t *testing.T, n Notifier) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	return n.Notify(ctx, Notification{Receiver: "r", Job: "shop", Alerts: []Alert{alertOf("postgres", unhealthy, nil)}})
}

func TestStatuses(t *testing.T) {
	e := &endpoint{host: "h"}
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, tt := range []struct {
		status  int
		header  string
		refused bool
		after   time.Duration
	}{
		{301, "", true, 0},
		{307, "9", true, 0},
		{400, "", true, 0},
		{401, "", true, 0},
		{404, "", true, 0},
		{408, "", false, 0},
		{410, "", true, 0},
		{422, "", true, 0},
		{429, "", false, 0},
		{429, "17", false, 17 * time.Second},
		{429, "999999999999", false, time.Hour},
		{429, "-5", false, 0},
		{500, "soon", false, 0},
		{503, now.Add(time.Minute).Format(http.TimeFormat), false, time.Minute},
		{503, now.Add(-time.Minute).Format(http.TimeFormat), false, 0},
	} {
		resp := reply(tt.status, "") //nolint:bodyclose // there is no connection
		resp.Header.Set("Retry-After", tt.header)
		f := failureOf(e.judge(resp, "said so", now))
		if f.refused != tt.refused || f.after != tt.after || f.class != fmt.Sprint(tt.status) {
			t.Errorf("%d %q: %+v", tt.status, tt.header, f)
		}
		if tt.status >= 400 && !strings.HasSuffix(f.text, ": said so") {
			t.Errorf("%d: %q does not say what the receiver said", tt.status, f.text)
		}
	}
	for _, status := range []int{200, 202, 204} {
		if err := e.judge(reply(status, ""), "", now); err != nil { //nolint:bodyclose // there is no connection
			t.Errorf("%d: %v", status, err)
		}
	}
}

func TestAddresses(t *testing.T) {
	for address, want := range map[string]bool{
		"127.0.0.1": true, "::1": true, "10.0.0.1": true, "192.168.1.1": true, "8.8.8.8": true, "100.100.100.201": true,
		"fd00::1": true, "2001:db8::1": true, "64:ff9b::808:808": true,
		"169.254.169.254": false, "169.254.0.1": false, "100.100.100.200": false, "168.63.129.16": false, "192.0.0.192": false,
		"fe80::1": false, "fe80::1%eth0": false, "febf::1": false, "fd00:ec2::254": false, "fd20:ce::254": false,
		"::ffff:169.254.169.254": false, "::ffff:100.100.100.200": false, "fd00:ec2::254%eth0": false, "64:ff9b::a9fe:a9fe": false, "2002:a9fe:a9fe::1": false, "ff02::1": false, "224.0.0.1": false,
	} {
		err := guard(t.Context(), "tcp", netip.AddrPortFrom(netip.MustParseAddr(address), 80).String(), nil)
		if (err == nil) != want {
			t.Errorf("%s: %v", address, err)
		}
	}
	if guard(t.Context(), "tcp", "nonsense", nil) == nil {
		t.Error("what is no address is allowed")
	}
}

// The address is looked at when the connection is made, whatever a name meant
// when it was configured.
func TestMetadataIsRefusedAtDialTime(t *testing.T) {
	for _, raw := range []string{"http://169.254.169.254/latest", "http://[fe80::1%25lo]:1", "http://[::ffff:169.254.169.254]/"} {
		if _, err := newEndpoint(raw); err == nil {
			t.Errorf("%s is taken", raw)
		}
	}
	e, err := newEndpoint("http://innocent.example/")
	must(t, err)
	for _, rebound := range []string{"http://169.254.169.254/", "http://[fd00:ec2::254]/"} {
		e.url = rebound
		err := send(t, webhook{e})
		if f := failureOf(err); f.class != classAddress || !strings.Contains(f.text, "nothing is sent there") {
			t.Errorf("%s: %+v", rebound, f)
		}
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	var visits []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		visits = append(visits, req.URL.Path)
		http.Redirect(w, req, "/elsewhere", http.StatusTemporaryRedirect)
	}))
	defer server.Close()
	err := send(t, Webhook(server.URL + "/here").notifiers[0])
	if f := failureOf(err); !f.refused || f.class != "307" || len(visits) != 1 {
		t.Errorf("%+v after %q", f, visits)
	}
}

func TestEndlessAnswers(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		for {
			if _, err := w.Write([]byte(strings.Repeat("x", 1<<10))); err != nil {
				return
			}
		}
	}))
	defer server.Close()
	err := send(t, Webhook(server.URL).notifiers[0])
	if f := failureOf(err); f.class != "400" || len(f.text) > 300 {
		t.Errorf("%d bytes of %+v", len(f.text), f)
	}
}

func TestSilentServers(t *testing.T) {
	silent, err := loopback.Listen()
	must(t, err)
	defer func() { _ = silent.Close() }()
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	err = Webhook("http://" + silent.Addr().String()).notifiers[0].Notify(ctx, Notification{})
	if f := failureOf(err); f.class != classTimeout || f.refused {
		t.Errorf("%+v", f)
	}
	must(t, silent.Close())
	err = send(t, Webhook("http://" + silent.Addr().String()).notifiers[0])
	if f := failureOf(err); f.class != classConnection || f.refused {
		t.Errorf("%+v", f)
	}
}

func TestBasicAuthentication(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if user, password, _ := req.BasicAuth(); user != "u" || password != "p w" || req.URL.Path != "/prefix/api/v2/alerts" {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	defer server.Close()
	must(t, send(t, Alertmanager(strings.Replace(server.URL, "://", "://u:p%20w@", 1) + "/prefix/").notifiers[0]))
}

// FuzzSecrets plants secrets in every part of a URL and has the server repeat
// them in every way that it may: no error says one.
func FuzzSecrets(f *testing.F) {
	f.Add("user", "hunter22", "T0123/B0456", "token-abc&x", uint8(0))
	f.Add("ünï", "p@ss:w/rd", `q"u\o<t>e`, "%2F%00=", uint8(1))
	f.Add("....", "****", "a    b", "====", uint8(2))
	f.Fuzz(func(t *testing.T, user, password, segment, query string, way uint8) {
		secrets := []string{user, password, segment, query}
		for i, secret := range secrets {
			secrets[i] = "S" + fmt.Sprint(i) + "-" + secret + "-secret"
		}
		u := url.URL{
			Scheme: "https", Host: "hooks.example", User: url.UserPassword(secrets[0], secrets[1]),
			RawQuery: url.Values{"key": {secrets[3]}}.Encode(),
		}
		e, err := newEndpoint(u.JoinPath(url.PathEscape(secrets[2])).String())
		if err != nil {
			return
		}
		e.client.Transport = &wire{answer: func(req *http.Request) (*http.Response, error) {
			quoted, _ := json.Marshal(secrets)
			said := strings.Join([]string{
				req.URL.String(), strings.Join(secrets, " "), string(quoted), req.URL.Path, fmt.Sprintf("%q", secrets), url.QueryEscape(secrets[1]),
			}[way%6:], " ")
			switch way % 3 {
			case 0:
				return nil, &url.Error{Op: "Post", URL: req.URL.String(), Err: fmt.Errorf("dial: %s", said)}
			case 1:
				return nil, fmt.Errorf("malformed: %s", said)
			default:
				return reply(http.StatusNotFound, said), nil
			}
		}}
		err = send(t, slack{e})
		for _, said := range []string{err.Error(), fmt.Sprintf("%+v %#v", err, failureOf(err))} {
			for _, secret := range secrets {
				for _, form := range []string{secret, url.PathEscape(secret), url.QueryEscape(secret)} {
					if strings.Contains(said, form) {
						t.Errorf("%q shows %q", said, form)
					}
				}
			}
			if strings.Contains(said, "-secret") {
				t.Errorf("%q shows the end of a secret", said)
			}
		}
	})
}

// A secret in a URL that is refused is a secret, too.
func TestRefusedURLsAreNotQuoted(t *testing.T) {
	for _, raw := range []string{
		"hunter22", "ftp://hunter22@h/hunter22", "http://u:hunter22@h:port/", "http://h/%zz?hunter22", "https://hunter22:hunter22@/", "http://[hunter22",
	} {
		for _, r := range []Receiver{Webhook(raw), Slack(raw), Alertmanager(raw)} {
			if len(r.faults) == 0 {
				t.Errorf("%s is taken", raw)
			}
			if said := fmt.Sprint(r.faults); strings.Contains(said, "hunter22") {
				t.Errorf("%s", said)
			}
		}
	}
}
