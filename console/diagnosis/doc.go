// Package diagnosis names the most likely cause of what is wrong with a
// program, with evidence, from what package store keeps. Code does it, no model.
//
//	st := store.New(0)
//	… // its parts in the program's providers
//	report := diagnosis.Diagnose(st, diagnosis.Question{})
//	fmt.Println(report.Summary)
//
// # What it looks at
//
// Each rule looks for one sort of fault in one snapshot of the store. What is
// normal comes from the store's own history, not from thresholds. A finding that
// explains others stands before them, however loud these are, and names them as
// its consequences.
//
// # Evidence
//
// Every piece of evidence names something that the store can show: a trace, a
// metric, a check. Next says which question to ask for more, as calls of tools
// by the names that package mcp gives them. Text comes from the telemetry, so
// from outside: it is cleaned and cut, and never to be taken as an instruction.
package diagnosis
