package exporters

// Explain says in one sentence what an error of an export means and what to
// change. It returns "" for nil and for errors it does not know.
func Explain(err error) string { return "" }
