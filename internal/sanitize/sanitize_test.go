package sanitize_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"go.opentelemetry.io/otel/attribute"

	"github.com/otelmon/otelmon-go/internal/sanitize"
)

// planted are texts with the secret that must be gone from them. What looks
// like a token is put together here, so that scanners of repositories stay
// silent.
func planted() map[string]string {
	const tail = "1aB2cD3eF4gH5iJ6kL7mN8oP9qR0sT1uV2wX"
	jwt := "eyJ" + "hbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N"
	key := "-----BEGIN RSA " + "PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----"
	return map[string]string{
		jwt:                                                 jwt,
		"user 7 sent " + jwt + " at noon":                   jwt,
		"AKIA" + "IOSFODNN7EXAMPLE":                         "IOSFODNN7",
		"id=ASIA" + "Y34FZKBOKMUTVV7A;":                     "Y34FZKBO",
		"Authorization: Bearer abc12345":                    "abc12345",
		"authorization: basic dXNlcjpwYXNz":                 "dXNlcjpwYXNz",
		"Bearer " + tail:                                    tail,
		"Authorization=Basic dXNlcjpwYXNz x=1":              "dXNlcjpwYXNz",
		"postgres://app:hunter2@db:5432/shop":               "hunter2",
		"postgres://app:hun/ter2@db:5432/shop":              "ter2",
		"redis://:hunter2@cache:6379/0":                     "hunter2",
		"dial amqp://app:a@b@mq/: refused":                  "a@b",
		"https://TOKENTOKEN@host/x":                         "TOKENTOKEN",
		"app:hunter2@tcp(db:3306)/shop":                     "hunter2",
		"host=db user=app password=hunter2 x=1":             "hunter2",
		"host=db password='hunter 2' x=1":                   "hunter 2",
		"host=db password = hunter2":                        "hunter2",
		"password=a&b,c;d host=db":                          "a&b",
		"Server=db;User Id=sa;Password=hunter2;":            "hunter2",
		"Server=db;Pwd=hunter2;":                            "hunter2",
		"AccountKey=hunter2==;EndpointSuffix=x":             "hunter2",
		"/x?a=1&sig=abcd&b=2":                               "abcd",
		"a=1&X-Amz-Signature=abcd":                          "abcd",
		"/x?AWSAccessKeyId=abcd&X-Goog-Signature=efgh":      "efgh",
		"/x?Signature=abcd":                                 "abcd",
		"/x?X-Amz-Security-Token=abcd":                      "abcd",
		"/cb?access_token=abcd&state=1":                     "abcd",
		"grant=x&client_secret=abcd":                        "abcd",
		`{"user":"u","password":"hunter 2"}`:                "hunter 2",
		`{"user":"u","pass\"word":"x","apiKey": "hunter2"}`: "hunter2",
		`{\"password\":\"hunter2\"}`:                        "hunter2",
		`{"token": 123456}`:                                 "123456",
		"{User:bob Password:correcthorse}":                  "correcthorse",
		"map[token:abcd1234 user:bob]":                      "abcd1234",
		"wrong password: hunter2":                           "hunter2",
		"X-Api-Key: abcd1234":                               "abcd1234",
		"Cookie: a=b; session=abcd":                         "abcd",
		"Set-Cookie: id=abcd; HttpOnly":                     "abcd",
		key:                                                 "MIIEow",
		"key " + key + " end":                               "MIIEow",
		"-----BEGIN " + "PRIVATE KEY-----\nMIIEow":          "MIIEow",
		"push with ghp" + "_" + tail:                        tail,
		"github" + "_pat_" + tail:                           tail,
		"xoxb" + "-123456789012-" + tail:                    tail,
		"sk" + "_live_" + tail:                              tail,
		"sk" + "-ant-api03-" + tail:                         tail,
		"glpat" + "-" + tail:                                tail,
		"?key=AIza" + "SyD-" + tail:                         tail,
	}
}

// harmless are texts that stay as they are.
func harmless() []string {
	return []string{
		"", "GET", "200", "/cart/checkout", "https://shop.example/cart?page=2&sort=name", "http://[::1]:8080/x", "http://[2001:db8::1]/@x", "12:30:45",
		"https://medium.com/@author/story", "https://host:8080/@scope/pkg@1.2.3", "mailto:someone@example.com",
		"Mozilla/5.0 (X11; Linux x86_64; rv:109.0) Gecko/20100101 Firefox/115.0",
		"dial tcp 127.0.0.1:5432: connect: connection refused", "auth: dial tcp: lookup db: no such host",
		"unexpected token: }", "invalid token: expired", "session: expired", "cookie: not found", "wrong password: user unknown",
		"Basic authentication failed", "Basic JavaScript course", "the bearer of bad news", "token=true", "password=", "secret=null",
		"author=jane", "token_count=7", "input_tokens=12", "auth.method=password", "max_tokens: 4096", "the signature=hello(int)",
		"SELECT id FROM tokens WHERE name = $1", "goroutine 1 [running]:\nmain.main()\n\t/src/main.go:12 +0x1d",
		"4bf92f3577b34da6a3ce929d0e0e4736", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
		"550e8400-e29b-41d4-a716-446655440000", "eyJ is how a JWT begins", "task_live_update_of_2024_now", "-----BEGIN CERTIFICATE-----\nMII",
		"ASIAN MARKETS", "pk_live is a publishable key", "häßlich: über", "[redacted]", "password=[redacted]", "a [cut 5 bytes] b",
	}
}

func TestSecretsInTextAreRedacted(t *testing.T) {
	var rules sanitize.Rules
	for text, secret := range planted() {
		got := rules.Text(text)
		if strings.Contains(got, secret) || !strings.Contains(got, sanitize.Redacted) {
			t.Errorf("%q became %q", text, got)
		}
		if again := rules.Text(got); again != got {
			t.Errorf("%q became %q when done again", got, again)
		}
	}
}

func TestTheRestOfATextStays(t *testing.T) {
	var rules sanitize.Rules
	for text, want := range map[string]string{
		"host=db user=app password=hunter2 x=1":            "host=db user=app password=[redacted] x=1",
		"postgres://app:hunter2@db:5432/shop":              "postgres://[redacted]@db:5432/shop",
		"app:hunter2@tcp(db:3306)/shop":                    "app:[redacted]@tcp(db:3306)/shop",
		"/x?a=1&sig=abcd&b=2":                              "/x?a=1&sig=[redacted]&b=2",
		`{"user":"u","password":"hunter2","n":1}`:          `{"user":"u","password":"[redacted]","n":1}`,
		"{User:bob Password:hunter2}":                      "{User:bob Password:[redacted]}",
		"a Bearer abc12345 and a Bearer abc12345, twice":   "a Bearer [redacted] and a Bearer [redacted], twice",
		"login failed (password=hunter2).":                 "login failed (password=[redacted]).",
		"Authorization=Basic dXNlcjpwYXNz x=1":             "Authorization=[redacted] x=1",
		"https://u:p@host/x?token=1#f https://u:p@other/y": "https://[redacted]@host/x?token=[redacted] https://[redacted]@other/y",
	} {
		if got := rules.Text(text); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
}

func TestHarmlessTextStaysAndCostsNothing(t *testing.T) {
	var rules sanitize.Rules
	for _, text := range harmless() {
		if got := rules.Text(text); got != text {
			t.Errorf("%q became %q", text, got)
		}
		if n := testing.AllocsPerRun(10, func() { rules.Text(text) }); n != 0 && !strings.HasPrefix(text, "Basic") {
			t.Errorf("%q: %v allocations", text, n)
		}
	}
}

func TestKeysThatNameSecrets(t *testing.T) {
	var rules sanitize.Rules
	for _, key := range []string{
		"password", "db.password", "DB_PASSWORD", "userPassword", "passwd", "pwd", "secret", "client-secret", "token", "access_token", "accessToken",
		"http.request.header.authorization", "http.request.header.x-auth-token", "http.request.header.cookie", "http.response.header.set-cookie",
		"x-api-key", "apiKey", "api.key", "apikeys", "AWSAccessKeyId", "private_key", "cookies", "session", "sessionId", "session_id", "JSESSIONID", "sid",
		"csrf", "xsrf-token", "jwt", "bearer", "credentials", "auth", "oauth_token", "OAuthToken", "connectionString", "db.connection_string",
		"dsn", "SAMLResponse", "authorization_code", "secret_id", "ssh-key", "password.value",
	} {
		if got, changed := rules.Attribute(attribute.String(key, "x")); !changed || got.Value.AsString() != sanitize.Redacted || string(got.Key) != key {
			t.Errorf("%s = %v", key, got)
		}
	}
	for _, key := range []string{
		"token.count", "gen_ai.usage.input_tokens", "gen_ai.token.type", "session.id", "session.previous_id", "author", "authority", "authentication.method",
		"auth.method", "password.length", "secret.name", "aws.secretsmanager.secret.arn", "tokenizer", "keyboard", "db.key", "messaging.kafka.message.key",
		"class_id", "inside", "pass", "oauth.scope", "http.request.header.accept", "url.full", "k8s.pod.name", "process.pid", "token_type", "csrf.valid",
		"session.duration", "user.name", "identity", "monkey", "dsnap",
	} {
		if got, changed := rules.Attribute(attribute.String(key, "x")); changed {
			t.Errorf("%s = %v", key, got)
		}
	}
}

func TestAllKindsOfValues(t *testing.T) {
	var rules sanitize.Rules
	const text = "password=hunter2"
	for _, value := range []attribute.Value{
		attribute.StringValue(text), attribute.StringSliceValue([]string{"a", text}), attribute.ByteSliceValue([]byte(text)),
		attribute.SliceValue(attribute.IntValue(1), attribute.StringValue(text)),
		attribute.MapValue(attribute.String("password", "hunter2"), attribute.Int("n", 1)),
		attribute.MapValue(attribute.KeyValue{Key: "deep", Value: attribute.SliceValue(attribute.MapValue(attribute.String("k", text)))}),
	} {
		got, changed := rules.Value(value)
		if !changed || got.Type() != value.Type() || strings.Contains(got.String(), "hunter2") {
			t.Errorf("%v became %v", value, got)
		}
		if again, changed := rules.Value(got); changed {
			t.Errorf("%v became %v when done again", got, again)
		}
	}
	for _, a := range []attribute.KeyValue{
		attribute.Int("password", 1234), attribute.Float64("secret", 1), attribute.StringSlice("tokens.secret", []string{"a"}), attribute.IntSlice("pwd", []int{1}),
	} {
		if got, _ := rules.Attribute(a); got.Value.AsString() != sanitize.Redacted {
			t.Errorf("%v became %v", a, got)
		}
	}
	for _, a := range []attribute.KeyValue{attribute.Bool("password", true), attribute.String("password", ""), {Key: "password"}} {
		if got, changed := rules.Attribute(a); changed {
			t.Errorf("%v became %v", a, got)
		}
	}
}

func TestFurtherKeysAreNotExcused(t *testing.T) {
	rules := sanitize.New(sanitize.Options{Keys: []string{" customer.iban ", "Straße", "", "_"}})
	for _, key := range []string{"customer_iban", "x.CustomerIban.name", "Straße"} {
		if _, changed := rules.Attribute(attribute.String(key, "x")); !changed {
			t.Errorf("%s is kept", key)
		}
	}
	if _, changed := rules.Attribute(attribute.String("customer.id", "x")); changed {
		t.Error("customer.id is redacted")
	}
	if got := rules.Text("customer_iban: abc and more"); got != "customer_iban: [redacted] and more" {
		t.Error(got)
	}
}

func TestOnlyAllowedKeysKeepTheirValues(t *testing.T) {
	rules := sanitize.New(sanitize.Options{Allow: []string{"http.route", "shop.*", "shop.password"}})
	attrs := []attribute.KeyValue{
		attribute.String("http.route", "/x"), attribute.String("shop.size", "L"), attribute.String("service.name", "shop"),
		attribute.String("user", "bob"), attribute.Int("http.status", 200), attribute.String("shop.password", "x"), attribute.Bool("ok", true),
	}
	want := []attribute.KeyValue{
		attrs[0], attrs[1], attrs[2],
		attribute.String("user", sanitize.Redacted), attribute.String("http.status", sanitize.Redacted), attribute.String("shop.password", sanitize.Redacted), attrs[6],
	}
	if got := rules.Attributes(attrs); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v", got)
	}
	if _, changed := rules.Label(attribute.String("user", "bob")); changed {
		t.Error("the allow-list holds for series")
	}
	if _, changed := rules.Label(attribute.String("password", "x")); !changed {
		t.Error("series may hold passwords")
	}
}

func TestLongValuesAreCut(t *testing.T) {
	rules := sanitize.New(sanitize.Options{MaxValue: 1000})
	long := strings.Repeat("ä", 600)
	text := rules.Text(long)
	if len(text) > 1000 || !utf8.ValidString(text) || !strings.HasSuffix(text, "…[cut 234 bytes]") {
		t.Errorf("%d bytes, …%s", len(text), text[len(text)-30:])
	}
	many, nested := make([]string, 500), make([]attribute.Value, 500)
	entries := []attribute.KeyValue{attribute.String("long", long)}
	for i := range many {
		many[i], nested[i] = "12345678", attribute.StringValue("")
	}
	for _, value := range []attribute.Value{
		attribute.StringValue(long), attribute.ByteSliceValue([]byte(long)), attribute.StringSliceValue(many), attribute.SliceValue(nested...),
		attribute.StringSliceValue([]string{long, "x"}), attribute.MapValue(entries...),
		attribute.SliceValue(attribute.MapValue(entries...)), attribute.SliceValue(attribute.StringSliceValue(many)),
	} {
		for what, cut := range map[string]func(attribute.Value) (attribute.Value, bool){"trim": rules.TrimValue, "sanitize": rules.Value} {
			got, changed := cut(value)
			if !changed || sanitize.SizeOf(got) > 1000 || sanitize.SizeOf(got) < 800 || !strings.Contains(got.String()+string(got.AsByteSlice()), "[cut ") {
				t.Errorf("%s of a %s: %d bytes: %s", what, value.Type(), sanitize.SizeOf(got), got.String())
			}
			if again, changed := cut(got); changed {
				t.Errorf("%s of a %s: again %s", what, value.Type(), again.String())
			}
		}
	}
	for _, value := range []attribute.Value{
		attribute.IntSliceValue(make([]int, 500)), attribute.Float64SliceValue(make([]float64, 500)), attribute.BoolSliceValue(make([]bool, 500)),
	} {
		if got, changed := rules.Value(value); !changed || sanitize.SizeOf(got) != 1000 {
			t.Errorf("%s: %d bytes", value.Type(), sanitize.SizeOf(got))
		}
	}
	got := rules.Trim([]attribute.KeyValue{attribute.String(long, "x"), attribute.String("password", "kept until it is sent")})
	if len(got[0].Key) > 1000 || got[1].Value.AsString() != "kept until it is sent" {
		t.Errorf("%v", got)
	}
}

func TestASecretIsNotSeveredByTheCut(t *testing.T) {
	rules := sanitize.New(sanitize.Options{MaxValue: 1000})
	for text, secret := range planted() {
		for _, at := range []int{900, 960, 966, 970, 980, 990, 999} {
			got := rules.Text(strings.Repeat("x", at-1) + " " + text)
			if strings.Contains(got, secret) {
				t.Errorf("at %d: …%s", at, got[at:])
			}
		}
	}
}

// What is trimmed before it waits to be sent is cut as well, wherever a secret
// lies about the cut, and in lists too.
func TestTrimSeversNoSecret(t *testing.T) {
	const limit = 1000
	rules := sanitize.New(sanitize.Options{MaxValue: limit})
	for text, secret := range planted() {
		part := secret[:min(len(secret), 4)]
		for at := limit - 60 - len(text); at < limit+10; at++ {
			before, after := strings.Repeat("x", at-1)+" ", " "+strings.Repeat("x ", 3000)
			whole := before + text + after
			for what, got := range map[string]string{
				"text": rules.Text(rules.TrimText(whole)),
				"attributes": fmt.Sprint(rules.Attributes(rules.Trim([]attribute.KeyValue{
					attribute.StringSlice("list", []string{before[:at/2], before[at/2:] + text, after}),
					attribute.Map("map", attribute.String("k", before), attribute.String("l", text+after)),
				}))),
			} {
				if strings.Contains(got, part) {
					t.Fatalf("%s, %q at %d: …%s", what, text, at, got[len(got)-200:])
				}
			}
		}
	}
}

// What redacting makes room for is no place for the beginning of a secret that
// is not looked at to its end.
func TestSecretsThatShrinkTheText(t *testing.T) {
	rules := sanitize.New(sanitize.Options{MaxValue: 1000})
	for at := range 600 {
		text := strings.Repeat("x", at) + strings.Repeat(" https://app:"+strings.Repeat("hunter2", 70)+"@db/x ", 30)
		got := rules.Text(rules.TrimText(text))
		if strings.Contains(got, "hun") || !strings.HasSuffix(got, " bytes]") {
			t.Fatalf("at %d: %s", at, got)
		}
	}
}

// Wherever the cut falls, no beginning of a secret stays, and what is left is
// not taken for another one.
func TestTheCutMayFallAnywhere(t *testing.T) {
	rules := sanitize.New(sanitize.Options{MaxValue: 100})
	for n := range 80 {
		for _, secret := range []string{" https://app:" + strings.Repeat("hunter2", 8) + "@db/x ", " password=hunter2hunter2 and more "} {
			text := strings.Repeat("x", n) + strings.Repeat(secret, 5)
			got := rules.Text(text)
			if again := rules.Text(got); again != got || strings.Contains(got, "hun") {
				t.Errorf("%q became %q and then %q", text, got, again)
			}
		}
	}
}

func TestTheSmallestBoundHolds(t *testing.T) {
	rules := sanitize.New(sanitize.Options{MaxValue: -5})
	if got := rules.Text(strings.Repeat("x", 100)); len(got) > 64 {
		t.Errorf("%d bytes", len(got))
	}
}

func FuzzText(f *testing.F) {
	for text := range planted() {
		f.Add(text, 100)
	}
	for _, text := range harmless() {
		f.Add(text, 64)
	}
	f.Fuzz(func(t *testing.T, text string, limit int) {
		rules := sanitize.New(sanitize.Options{MaxValue: 1 + limit&1023})
		got := rules.Text(text)
		if again := rules.Text(got); again != got {
			t.Errorf("%q became %q and then %q", text, got, again)
		}
		if len(got) > max(64, 1+limit&1023) {
			t.Errorf("%d bytes: %q", len(got), got)
		}
		if utf8.ValidString(text) && !utf8.ValidString(got) {
			t.Errorf("%q became %q, which is not UTF-8", text, got)
		}
	})
}

func FuzzAttribute(f *testing.F) {
	f.Add("password", "hunter2", "k", "v", 3)
	f.Add("k", "https://u:p@h", "token", "x", 40)
	f.Fuzz(func(t *testing.T, key, value, inner, other string, n int) {
		if len(key) > 100 || len(inner) > 100 || len(other) > 100 {
			t.Skip("a key that is cut is another key")
		}
		rules := sanitize.New(sanitize.Options{Keys: []string{inner}, Allow: []string{key}, MaxValue: 100})
		many := make([]string, n&63)
		for i := range many {
			many[i] = value
		}
		a := attribute.KeyValue{Key: attribute.Key(key), Value: attribute.MapValue(
			attribute.String(inner, value), attribute.StringSlice(other, many),
			attribute.KeyValue{Key: attribute.Key(value[:min(len(value), 100)]), Value: attribute.SliceValue(attribute.StringValue(other), attribute.ByteSliceValue([]byte(value)))},
		)}
		got, _ := rules.Attribute(a)
		if again, changed := rules.Attribute(got); changed {
			t.Errorf("%v became %v", got, again)
		}
		if size := sanitize.SizeOf(got.Value); size > 100 {
			t.Errorf("%d bytes: %v", size, got)
		}
	})
}

func typical() []attribute.KeyValue {
	return []attribute.KeyValue{
		attribute.String("http.request.method", "GET"), attribute.String("url.full", "https://shop.example/cart/items?page=2&sort=name"),
		attribute.String("http.route", "/cart/{id}"), attribute.Int("http.response.status_code", 200),
		attribute.String("user_agent.original", "Mozilla/5.0 (X11; Linux x86_64; rv:109.0)"), attribute.String("server.address", "shop.example"),
		attribute.Int("server.port", 443), attribute.String("network.protocol.version", "1.1"),
	}
}

func BenchmarkAttributes(b *testing.B) {
	var rules sanitize.Rules
	attrs := typical()
	b.ReportAllocs()
	for b.Loop() {
		rules.Attributes(attrs)
	}
}

func BenchmarkSize(b *testing.B) {
	attrs := typical()
	b.ReportAllocs()
	for b.Loop() {
		sanitize.Size(attrs)
	}
}

func BenchmarkText(b *testing.B) {
	var rules sanitize.Rules
	for name, text := range map[string]string{
		"prose":     strings.Repeat("the quick brown fox jumps over the lazy dog. ", 300),
		"separated": strings.Repeat("a_b-c:d=e://f@g ", 800),
		"hostile":   strings.Repeat("eyJ://a:b@tcp(", 1000),
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				rules.Text(text)
			}
		})
	}
}
