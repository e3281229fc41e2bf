// Package bulk makes operations over many items visible while they run: as a
// span with live children, as events, as metrics and on the terminal.
//
//	for u := range bulk.Slice(ctx, "import.users", users) {
//		save(u)
//	}
//
// # Ways to track
//
// [Slice], [Range], [Range2] and [Chan] wrap what a loop ranges over: a slice, an
// iterator of one or two values, a channel. Every item whose body ran to its end
// counts as ok. [Each] does the same and hands out the
// item, so that the body can say that it failed or was skipped. [Start] and
// [Operation.End] are for everything else, such as jobs with several goroutines:
// those count on the [Operation] itself, or, where an item takes less than a
// microsecond, each on a [Worker] of its own.
//
// An operation has a name, which is one of few ("import.users"), and for each run
// an id. Items are ok, failed or skipped. The total may be known ([Total]),
// unknown, or grow ([Operation.AddTotal]).
//
// # What is emitted
//
// A span "bulk <name>" covers the operation. Because spans are exported when they
// end, it has children that end while it runs: "bulk.started" at once,
// "bulk.segment" after ten seconds and then in growing steps of at most 15
// minutes, "bulk.stage <stage>" for each visit of a [Stage]. At its end it carries
// all counts, its result, and at most 96 span events that show its progress evenly
// over its whole life.
//
// Log events bulk.operation.started, progress, finished and item_failed say the
// same in one sentence each. Progress is told every second at first, later after
// each hundredth of the time that has passed; of failed items, the first three
// of each of at most 32 kinds of error.
//
// Metrics, by bulk.operation.name:
//
//	bulk.items                 {item}       counter, by bulk.item.outcome
//	bulk.io                    By           counter
//	bulk.stage.time            s            counter, by bulk.stage.name
//	bulk.operation.duration    s            histogram, by bulk.operation.result
//	bulk.operation.active      {operation}  up-down counter
//	bulk.concurrency.usage     {worker}     up-down counter, open workers
//	bulk.operation.progress    1            gauge, absent without a total
//	bulk.operation.throughput  {item}/s     gauge
//	bulk.operation.eta         s            gauge, absent while unknown or stalled
//
// Counters are read from the running operations at the moment of collection. The
// gauges of a name vanish when none of that name is running. Of more than 256
// names, the rest is called "_other".
//
// The rate is that of items processed, ok or failed, and the ETA is what is left
// at that rate. Skipped items have no part in it, as a resumed run skips
// thousands in a moment; so the ETA of an operation that goes on skipping is the
// most it can take, and one that has only skipped has none.
//
// # On the terminal
//
// [Terminal] draws a progress line. Loggers that write to the same terminal must
// write to the [Line] it returns:
//
//	line := bulk.Terminal(os.Stderr)
//	defer line.Stop()
//	mon, err := otelmon.Start(ctx, otelmon.Config{LogOutput: line})
//
// # OpenTelemetry
//
// The package uses the OpenTelemetry API alone and takes the global providers,
// also when those are set after an operation has begun, unless [Providers] names
// others. Without any it costs next to nothing and [Live] and [Terminal] work all
// the same. A context that is canceled does not keep anything from being emitted.
//
// # Limits
//
// An operation starts one goroutine, which ends with it. It takes a few KiB and
// at most 64 KiB, for any number of items and of distinct errors. End waits for
// the span and log processors it calls, as any span does.
package bulk
