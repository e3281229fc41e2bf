// Package spool keeps records on disk until every reader has acknowledged them:
// a write-ahead log of opaque bytes with several cursors, which survives the
// end of the process, damaged files and full disks, and counts what it loses.
//
//	log, err := spool.Open(spool.Options{
//		Dir:  "/var/lib/myservice/spool",
//		Lost: func(l spool.Loss) { slog.Warn("lost", "items", l.Items, "reason", l.Reason) },
//	})
//	if err != nil {
//		return err
//	}
//	defer log.Close()
//	cursor, err := log.Cursor("otlp.example.com", spool.Oldest)
//	…
//	_, err = log.Append(spool.Record{Lane: 1, Items: 512, Payload: request})
//	…
//	record, err := cursor.Next(ctx, 1)
//	if err == nil && send(record.Payload) == nil {
//		err = cursor.Ack(1, record.Seq)
//	}
//
// # Guarantees
//
// What Append has returned for is read by every cursor at least once, in the
// order of its lane, or told to [Options.Lost]: for each cursor and lane,
//
//	appended = acknowledged + pending + lost
//
// in records and in items, at any moment between calls. The exceptions are
// what a power failure takes within [Options.Sync], and records at the very end
// of a lane of which nothing can be read; these count as one. It holds across the end of
// a process too: no loss is told twice.
//
// A process that is killed loses nothing. What was returned by Next and not
// acknowledged comes again, and nothing else does. After a power failure, what
// was acknowledged within the last interval may come again too.
//
// Any truncation of a file loses no whole record before it, and one flipped bit
// one record at most. No content of the directory makes the log panic, allocate
// more than a file holds, or read it more than once.
//
// # Limits
//
// There are limits in bytes, in age and for the space that is left to others.
// Whatever is deleted is a segment, the oldest of a lane. A lane has segments
// of its own and the one that takes most gives way, so that a flood of one
// signal cannot evict another. With [Options.Retain], what has been acknowledged
// is kept for cursors to come, as long as the limits allow.
//
// Memory is 256 KiB for each lane that a cursor reads, or the size of the
// largest record if that is more.
//
// # Disk
//
// A log belongs to one process, which locks the directory. Records, payloads of
// up to 64 MiB, are not encrypted; the files are readable by the user alone.
// When the disk is full or fails, Append returns an error and the log is as
// before. A segment whose sync or truncation failed is never written again.
//
// # Format
//
// A directory holds a file "lock", segments and cursors; other files are left
// alone. A segment is named
//
//	<lane>-<records before>-<items before>-<time of the first record>-<mark>.seg
//
// the numbers after the lane in 16 hexadecimal digits, the time in nanoseconds
// since 1970. Its content is records, one after the other, all numbers little
// endian:
//
//	 0  8  mark: random, the same for all records of a segment
//	 8  4  size of the payload
//	12  4  CRC-32C of the payload
//	16  8  number of the record in its lane, from 1 on
//	24  8  time, nanoseconds since 1970
//	32  8  items of all records of the lane before this one
//	40  4  items
//	44  1  lane
//	45  1  flags of the caller
//	46  4  CRC-32C of the 46 bytes before
//	50     payload
//
// The number and the sum of items make every gap exact. The checksum of the
// header says how long the payload is even if that is damaged; a single wrong
// bit in a header is put right. Where a header is beyond repair, reading goes on
// at the next mark, also within the payload. Nobody but a reader of the
// directory can put a record there: a copy of another segment has another mark,
// and a copy of the same one holds only numbers that have passed. A process never writes to segments of an earlier one.
//
// A cursor is a file "cursor-" and the escaped name, with two slots of 512
// bytes that are written in turn; the valid one with the larger count holds:
//
//	 0    4  magic: f5 'O' 'T' 'C'
//	 4    8  how often it was saved
//	12  256  for each of 8 lanes: number and items up to which it has acknowledged,
//	         records and items behind that were told lost
//	268   4  CRC-32C of the 268 bytes before
package spool
