package keys

// ScopeConsole is the instrumentation scope of package console.
const ScopeConsole = Module + "/console"

// The event of package console and its attributes.
const (
	EventConsoleAction = "otelmon.console.action"

	ConsoleAction       = "otelmon.console.action.name"
	ConsoleActionDetail = "otelmon.console.action.detail"
	ConsoleActionBy     = "otelmon.console.action.by"
)
