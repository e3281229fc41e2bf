package main

import (
	"context"
	"errors"
	"strings"
	"unicode"

	"github.com/jackc/pgx/v5"

	"github.com/otelmon/otelmon-go/bulk"
)

var errNoSlug = errors.New("no letter or digit in the title")

// result is what became of a partition.
type result struct {
	ids   []int64
	slugs []string // of the documents with these ids
	bad   []int64  // ids of those without one
}

// fill gives the documents of a partition their slugs.
func fill(ctx context.Context, tx pgx.Tx, op *bulk.Operation, p partition) (r result, err error) {
	leave := op.Stage("read").Enter()
	rows, err := tx.Query(ctx, `SELECT id, title FROM documents WHERE id BETWEEN $1 AND $2`, p.First, p.Last)
	if err == nil {
		var id int64
		var title string
		_, err = pgx.ForEachRow(rows, []any{&id, &title}, func() error {
			r.add(id, slug(title))
			return nil
		})
	}
	leave()
	if err != nil {
		return r, err
	}
	defer op.Stage("write").Enter()()
	_, err = tx.Exec(ctx, `UPDATE documents SET slug = made.slug, revision = revision + 1
		FROM unnest($1::bigint[], $2::text[]) AS made (id, slug) WHERE documents.id = made.id`, r.ids, r.slugs)
	return r, err
}

func (r *result) add(id int64, slug string) {
	if slug == "" {
		r.bad = append(r.bad, id)
		return
	}
	r.ids, r.slugs = append(r.ids, id), append(r.slugs, slug)
}

// slug is a title as a part of a URL.
func slug(title string) string {
	words := strings.FieldsFunc(strings.ToLower(title), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	return strings.Join(words, "-")
}
