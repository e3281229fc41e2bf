package e2e

import (
	"context"
	"log/slog"
	"math"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage/remote"
	"github.com/prometheus/prometheus/tsdb"
)

const prometheusConfig = "../deploy/prometheus.yaml"

// prometheusStore is Prometheus without its main function: the OTLP receiver,
// the store and the query engine, set up by deploy/prometheus.yaml.
type prometheusStore struct {
	db       *tsdb.DB
	engine   *promql.Engine
	receiver http.Handler
}

func newPrometheusStore(t *testing.T) *prometheusStore {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	cfg, err := config.LoadFile(prometheusConfig, false, quiet)
	if err != nil {
		t.Fatal(err)
	}
	opts := tsdb.DefaultOptions()
	opts.EnableExemplarStorage = true // --enable-feature=exemplar-storage
	opts.MaxExemplars = config.DefaultExemplarsConfig.MaxExemplars
	opts.OutOfOrderTimeWindow = cfg.StorageConfig.TSDBConfig.OutOfOrderTimeWindow
	db, err := tsdb.Open(t.TempDir(), quiet, nil, opts, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close the store: %v", err)
		}
	})
	return &prometheusStore{
		db: db,
		engine: promql.NewEngine(promql.EngineOpts{
			MaxSamples: 50_000_000, Timeout: time.Minute, LookbackDelta: 5 * time.Minute,
			EnableAtModifier: true, EnableNegativeOffset: true, Parser: parser.NewParser(parser.Options{}),
		}),
		receiver: remote.NewOTLPWriteHandler(quiet, prometheus.NewRegistry(), db,
			func() config.Config { return *cfg }, remote.OTLPOptions{LookbackDelta: 5 * time.Minute}),
	}
}

// query evaluates the expression at every second from start until now and
// returns how many series have a number.
func (p *prometheusStore) query(ctx context.Context, expr string, start time.Time) (int, error) {
	q, err := p.engine.NewRangeQuery(ctx, p.db, nil, expr, start, time.Now().Add(time.Second), time.Second)
	if err != nil {
		return 0, err
	}
	defer q.Close()
	res := q.Exec(ctx)
	if res.Err != nil {
		return 0, res.Err
	}
	matrix, err := res.Matrix()
	if err != nil {
		return 0, err
	}
	series := 0
	for _, s := range matrix {
		if slices.ContainsFunc(s.Floats, func(p promql.FPoint) bool { return !math.IsNaN(p.F) }) {
			series++
		}
	}
	return series, nil
}
