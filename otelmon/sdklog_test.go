package otelmon

import (
	"bytes"
	"strings"
	"testing"
)

func TestSDKLogIsQuietUnlessAskedFor(t *testing.T) {
	for _, tc := range []struct {
		environ string
		want    bool // the SDK tells its configuration at information level
	}{
		{"OTEL_LOG_LEVEL=", false},
		{"OTEL_LOG_LEVEL=error", false},
		{"OTEL_LOG_LEVEL=none", false},
		{"OTEL_LOG_LEVEL=info", true},
		{"OTEL_LOG_LEVEL=debug", true},
	} {
		var out bytes.Buffer
		if _, err := start(t, Config{LogOutput: &out, Exporters: "none"}, tc.environ); err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(out.String(), "TracerProvider created"); got != tc.want {
			t.Errorf("%s: the SDK's log is heard: %v\n%s", tc.environ, got, &out)
		}
	}
}
