// Package bulk makes operations over many items visible while they run: as a
// span with live children, as events, as metrics and on the terminal.
//
//	for u := range bulk.Slice(ctx, "import.users", users) {
//		save(u)
//	}
//
// # Ways to track
//
// [Slice], [Range], [Range2], [Chan] and [Rows] wrap what a loop ranges over: a
// slice, an iterator of one or two values, a channel, the rows of a query. Every
// item whose body ran to its end counts as ok. [Each] does the same and hands out
// the item, so that the body can say that it failed or was skipped. [Reader] counts
// the bytes of an [io.Reader]. [Start] and [Operation.End] are for everything else,
// such as jobs with several goroutines: those count on the [Operation] itself, or,
// where an item takes less than a microsecond, each on a [Worker] of its own.
// Workers in other processes [Join] an operation.
//
// An operation has a name, which is one of few ("import.users"), and for each run
// an id. Items are ok, failed or skipped; an attempt that is made again is a retry.
// The total may be known ([Total], [TotalBytes]), unknown, or grow
// ([Operation.AddTotal]).
//
// [Run] does the whole job: it gives the items of a source to many workers, in
// batches, and finds out how many workers and how large a batch get the most
// done. It tries again what is not [Permanent], keeps to an [ErrorBudget] and a
// [Rate], listens to a backend that is too busy ([Overload]) or broken ([Stop]),
// keeps the order by [Key], and goes on from a [Checkpoint] after a crash.
//
// # What is emitted
//
// A span "bulk <name>" covers the operation. Because spans are exported when they
// end, it has children that end while it runs: "bulk.started" at once,
// "bulk.segment" after ten seconds and then in growing steps of at most 15
// minutes, "bulk.stage <stage>" for visits of a [Stage], "bulk.item" for the
// slowest items. At its end it carries all counts, its result, what limited it, and
// at most 124 span events, of which 96 show its progress evenly over its whole life.
// After an hour, a "bulk.chapter <name>" begins a trace of its own every hour. All
// that is at most 300 spans and 1,000 log records a day.
//
// Log events bulk.operation.started, progress, stalled, resumed, finished and
// item_failed say the same in one sentence each. Progress is told every second at first, later after
// each hundredth of the time that has passed; of failed items, the first three
// of each of at most 32 kinds of error.
//
// Metrics, by bulk.operation.name:
//
//	bulk.items                 {item}       counter, by bulk.item.outcome
//	bulk.item.failures         {item}       counter, by error.type
//	bulk.item.retries          {retry}      counter, by error.type
//	bulk.io                    By           counter
//	bulk.stage.time            s            counter, by bulk.stage.name and .state
//	bulk.operation.duration    s            histogram, by bulk.operation.result
//	bulk.operation.active      {operation}  up-down counter
//	bulk.concurrency.usage     {worker}     up-down counter, open workers
//	bulk.concurrency.limit     {worker}     up-down counter, what Run allows itself
//	bulk.batch.limit           {item}       the same, of a batch
//	bulk.throttles             {response}   counter, what backends refused
//	bulk.operation.progress    1            gauge, absent without a total
//	bulk.operation.throughput  {item}/s     gauge
//	bulk.operation.eta         s            gauge, absent while unknown or stalled
//	bulk.operation.idle.time   s            gauge, since the last progress
//
// Counters are read from the running operations at the moment of collection, and
// bulk.item.failures add up to the items that failed, also in a storm. The gauges of
// a name vanish when none of that name is running. Of more than 256 names, and of
// more than 32 types of errors, the rest is called "_other".
//
// The rate is that of items processed, ok or failed. The ETA is what is left at
// that rate, unless the job's own past shows that another model is clearly better:
// the overall mean, a slower mean, a power law, or how earlier runs went
// ([History]). [Snapshot.ETALow] and [Snapshot.ETAHigh] say how sure that is. In a
// stall there is none. Skipped items have no part in it, as a resumed run skips
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
