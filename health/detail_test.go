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
			Detail(ctx, attribute.String("dsn", "postgres://app:s3cret@db"), attribute.StringSlice("list", []string{"token=s3cret", "b"}))
			<-release
			return nil
		}})
		advance(2 * time.Second)
		want := `dsn=postgres://app:***@db lag=2 list=["token=*** ratio=NaN`
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
