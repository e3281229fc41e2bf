package console

import "github.com/otelmon/otelmon-go/console/store"

// spanRun is rows that follow each other: one, or siblings of one name.
type spanRun struct {
	Rows    []spanRow
	Folded  bool
	Total   store.Number // seconds of all
	Longest store.Number
}

// maxUnfolded is how many siblings of one name are shown as they are.
const maxUnfolded = 10

// runsOf folds long runs of siblings of one name that went well and have no
// children.
func runsOf(rows []spanRow) []spanRun {
	var runs []spanRun
	for i := 0; i < len(rows); {
		n := 1
		for i+n < len(rows) && alike(&rows[i], &rows[i+n]) {
			n++
		}
		if i+n < len(rows) && rows[i+n].Depth > rows[i].Depth {
			n-- // the last one has children
		}
		if n <= maxUnfolded {
			n = max(n, 1)
			for _, row := range rows[i : i+n] {
				runs = append(runs, spanRun{Rows: []spanRow{row}})
			}
		} else {
			runs = append(runs, foldedRun(rows[i:i+n]))
		}
		i += n
	}
	return runs
}

func alike(a, b *spanRow) bool {
	isPlain := func(r *spanRow) bool { return r.Status != "error" && !r.Running() }
	return isPlain(a) && isPlain(b) && a.Name == b.Name && a.Scope == b.Scope && a.ParentID == b.ParentID && a.Depth == b.Depth
}

func foldedRun(rows []spanRow) spanRun {
	run := spanRun{Rows: rows, Folded: true}
	for i := range rows {
		run.Total += rows[i].Seconds
		run.Longest = max(run.Longest, rows[i].Seconds)
	}
	return run
}
