package main

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/otelmon/otelmon-go/otelmon"
)

const (
	maxResults    = 20
	searchTimeout = 5 * time.Second
)

// findFiles looks into the text only of the best: a text is large, its rank is
// small. Names weigh more than use, the very name that was typed most, and
// tests less than what they test.
func findFiles() selection {
	return selection{"search", `SELECT path, body, total FROM search JOIN (
	SELECT id, score, count(*) OVER () AS total FROM (
		SELECT rowid AS id, bm25(search, 4, 8, 1)
			* iif(instr(lower(' ' || symbols || ' '), lower(' ' || ? || ' ')), 4, 1)
			* iif(path LIKE '%/_test.go' ESCAPE '/' OR path LIKE '%testdata%', 0.5, 1) AS score
		FROM search WHERE search MATCH ?)
	ORDER BY score LIMIT ?) ON search.rowid = id ORDER BY score`}
}

func findText() selection {
	return selection{"search", `SELECT body FROM search WHERE rowid = (SELECT id FROM files WHERE path = ?)`}
}

// result is one file that was found.
type result struct {
	Path  string `json:"path"`
	Lines []line `json:"lines"`
}

// Link is where page.html points to. html/template would not escape the "?"
// and "#" that a path may have.
func (r result) Link() string { return (&url.URL{Path: "/source/" + r.Path}).EscapedPath() }

// find returns the best files for a query and how many there are in all.
func (s *store) find(ctx context.Context, q query) (results []result, total int, err error) {
	return s.findBy(ctx, findFiles(), q)
}

// findBy finds by a query in SQL.
func (s *store) findBy(ctx context.Context, by selection, q query) (results []result, total int, err error) {
	var bodies []string
	err = s.read.each(ctx, by, func(rows *sql.Rows) error {
		var path, body string
		if err := rows.Scan(&path, &body, &total); err != nil {
			return err
		}
		results, bodies = append(results, result{Path: path}), append(bodies, body)
		return nil
	}, strings.Join(q.marks, " "), q.match, maxResults)
	if err != nil {
		return nil, 0, fmt.Errorf("search: %w", err)
	}
	for i, body := range bodies {
		results[i].Lines = excerpt(body, q.marks)
	}
	return results, total, nil
}

// text returns an indexed file, if it is one.
func (s *store) text(ctx context.Context, path string) (body string, ok bool, err error) {
	err = s.read.each(ctx, findText(), func(rows *sql.Rows) error {
		ok = true
		return rows.Scan(&body)
	}, path)
	return body, ok, err
}

// outcome is how a search ended, as a metric attribute.
type outcome string

const (
	found   outcome = "found"
	nothing outcome = "nothing"
	invalid outcome = "invalid" // not a query
	failed  outcome = "failed"
)

// meters are the business metrics of searching.
type meters struct {
	searches map[outcome]otelmon.Counter
	results  otelmon.Counter
	duration otelmon.Timer
}

func newMeters() meters {
	searches := otelmon.NewCounter("codesearch.searches", "{search}", "Searches, by how they ended.")
	m := meters{
		searches: make(map[outcome]otelmon.Counter),
		results:  otelmon.NewCounter("codesearch.results", "{result}", "Files found, those not shown included."),
		duration: otelmon.NewTimer("codesearch.search.duration", "Time from a valid query to its results."),
	}
	for _, o := range []outcome{found, nothing, invalid, failed} {
		m.searches[o] = searches.With(attribute.String("codesearch.search.outcome", string(o)))
	}
	return m
}
