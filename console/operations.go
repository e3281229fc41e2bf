package console

import (
	"github.com/otelmon/otelmon-go/console/store"
	"github.com/otelmon/otelmon-go/internal/keys"
)

// operationList is the operations page.
type operationList struct {
	store.OperationList
	Rows []operationRow
}

// operationRow is an operation with its rate over time, while it runs.
type operationRow struct {
	store.Operation
	Rates spark
}

func buildOperations(c *Console, v *view, _ ask) int {
	list := c.Operations(store.UsualLimit)
	v.Main = operationList{OperationList: list, Rows: operationRows(c, list.Operations)}
	return 0
}

// operationRows adds the rates, which metrics tell by name: of two running
// operations of one name nobody knows whose they are.
func operationRows(c *Console, list []store.Operation) []operationRow {
	running := map[string]int{}
	for i := range list {
		if list[i].Ended == nil {
			running[list[i].Name]++
		}
	}
	rates := map[string]spark{}
	if len(running) > 0 {
		m := c.Metrics(keys.BulkOperationThroughput, store.MaxSeries)
		for _, of := range m.Instruments {
			for _, s := range of.Series {
				rates[s.Attributes.Get(keys.BulkOperationName)] = sparkOf(s.History, m.HistoryAt)
			}
		}
	}
	rows := make([]operationRow, len(list))
	for i, op := range list {
		rows[i].Operation = op
		if op.Ended == nil && running[op.Name] == 1 {
			rows[i].Rates = rates[op.Name]
		}
	}
	return rows
}
