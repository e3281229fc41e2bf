package main

import (
	"time"

	"github.com/riverqueue/river"
)

const (
	// queue keeps the jobs apart from others in the same database.
	queue = "backfill"
	// maxAttempts is how often a partition is tried before the operation fails.
	maxAttempts = 5
	// maxParts is how many jobs River lists at once.
	maxParts = 10_000
)

// partition is a job of River: the documents from one id to another. Two jobs for
// the same partition are refused.
type partition struct {
	Operation  string            `json:"operation"  river:"unique"`
	Part       int               `json:"part"       river:"unique"`
	First      int64             `json:"first"`
	Last       int64             `json:"last"`
	Invitation map[string]string `json:"invitation"` // trace context and baggage, see bulk.Operation.Invite
}

// Kind implements [river.JobArgs].
func (partition) Kind() string { return "backfill_slugs" }

// InsertOpts implements [river.JobArgsWithInsertOpts].
func (partition) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: queue, MaxAttempts: maxAttempts, UniqueOpts: river.UniqueOpts{ByArgs: true}}
}

// poll is how often processes ask how far the operation is.
const poll = 500 * time.Millisecond
