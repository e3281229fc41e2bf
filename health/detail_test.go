package health

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/attribute"
)

func TestDetail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		Detail(t.Context(), attribute.Int("nobody", 1)) // not a check: nothing happens
		release := make(chan struct{})
		var late context.Context
		r := begin(t, Options{}, Check{Name: "c", Timeout: time.Second, Func: func(ctx context.Context) error {
			late = ctx //nolint:fatcontext // to use it when it is too late
			Detail(ctx, attribute.Int("lag", 1), attribute.Int("lag", 2), attribute.Float64("ratio", math.NaN()))
			Detail(ctx, attribute.String("db", "postgres://app:s3cret@db"), attribute.StringSlice("list", []string{"token=s3cret", "b"}))
			<-release
			return nil
		}})
		advance(2 * time.Second)
		want := `db=postgres://app:***@db lag=2 list=["token=*** ratio=NaN`
		check := func() {
			t.Helper()
			facts := resultOf(t, r, "c").Details
			var got []string
			for _, kv := range facts.ToSlice() {
				got = append(got, string(kv.Key)+"="+kv.Value.String())
			}
			if s := strings.Join(got, " "); s != want {
				t.Errorf("details %s, want %s", s, want)
			}
		}
		check()
		close(release)
		Detail(late, attribute.Int("lag", 3))
		check()
	})
}

func TestSecretKeys(t *testing.T) {
	for key, want := range map[string]bool{
		"password": true, "DB_PASSWORD": true, "passwd": true, "pwd": true, "DB_PASS": true, "checks.passed": false, "passphrase": true, "client.secret": true,
		"accessToken": true, "apikey": true, "x-api-key": true, "API_KEY": true, "api.key": true, "api key": true,
		"Authorization": true, "auth": true, "proxy.auth.user": true, "credentials": true, "private key": true,
		"ssh.privateKey": true, "AWS_ACCESS_KEY_ID": true, "session.id": true, "Set-Cookie": true, "sentry.dsn": true,
		"jwt": true, "bearer": true, "connection_string": true, "encryption-key": true,
		"": false, "lag": false, "disk.free_ratio": false, "key": false, "keys.count": false, "cache.key": false,
		"threads.number": false, "compass": false, "db.host": false,
	} {
		if got := isSecret(key); got != want {
			t.Errorf("isSecret(%q) = %t", key, got)
		}
	}
}

// What stands under a key that sounds like a secret is told nobody, whatever
// its type.
func TestSecretDetails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, got := recording(t)
		r := begin(t, o, Check{Name: "c", Func: func(ctx context.Context) error {
			Detail(ctx, attribute.String("password", "hunter2"), attribute.Int("Api-Key", 5318008),
				attribute.Float64("token", 5318008.5), attribute.Bool("secret", true), attribute.String("dsn", ""),
				attribute.StringSlice("cookies", []string{"hunter2"}), attribute.Int64Slice("session", []int64{5318008}),
				attribute.Map("env", attribute.String("SESSION", "hunter2"), attribute.Int("pwd", 5318008), attribute.Int("n", 1)),
				attribute.Slice("list", attribute.MapValue(attribute.String("auth", "hunter2"))))
			return errDown
		}})
		advance(time.Second)
		details := resultOf(t, r, "c").Details
		told := fmt.Sprint(details.ToSlice(), got.spans.Ended()[0].Attributes()[2:])
		for _, accept := range []string{"", "application/json"} {
			told += get(t, r.Handler(ShowDetails(everyone)), "/readyz?verbose", accept).Body.String()
		}
		for _, secret := range []string{"hunter2", "5318008", "5.318008", "true"} {
			if strings.Contains(told, secret) {
				t.Errorf("%s is told: %s", secret, told)
			}
		}
		if n := strings.Count(told, "password"); n != 4 {
			t.Errorf("password is named in %d of 4 places: %s", n, told)
		}
	})
}

func FuzzSecretKey(f *testing.F) {
	f.Add("db.", "PassWord", "_old", "hunter2!")
	f.Fuzz(func(t *testing.T, before, word, after, value string) {
		for _, secret := range []string{"password", "token", "api_key", "dsn"} {
			if strings.EqualFold(word, secret) {
				fact := plain(attribute.String(before+word+after, value))
				if got := fact.Value.AsString(); got != "***" {
					t.Errorf("%q shows %q", fact.Key, got)
				}
			}
		}
	})
}

func TestDetailsAreBounded(t *testing.T) {
	var n notes
	for i := range 100 {
		n.add([]attribute.KeyValue{attribute.String(fmt.Sprint("k", i), strings.Repeat("x", 1<<16))})
	}
	facts := n.collected()
	if facts.Len() != maxDetails {
		t.Errorf("%d details, want %d", facts.Len(), maxDetails)
	}
	for _, kv := range facts.ToSlice() {
		if len(kv.Value.AsString()) > maxText {
			t.Errorf("a detail of %d bytes", len(kv.Value.AsString()))
		}
	}
}
