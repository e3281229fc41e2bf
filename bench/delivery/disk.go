package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/otelmon/otelmon-go/exporters/spool"
)

const (
	diskRounds = 10
	diskBytes  = 64 << 20 // a round
)

// disk compares the log under an outbox with a program that only writes the same
// bytes into files of the same size. Both sync twice a second, beside writing.
func disk(_ context.Context, t *table, dir string) error {
	for _, size := range []int{180 << 10, 512} {
		var took [2]rounds
		total := diskBytes
		if size < 1<<10 {
			total /= 8
		}
		payload := make([]byte, size)
		for i := range diskRounds {
			ours, err1 := appended(filepath.Join(dir, fmt.Sprint("log", i)), payload, total)
			other, err2 := written(filepath.Join(dir, fmt.Sprint("raw", i)), payload, total)
			if err := errors.Join(err1, err2, os.RemoveAll(dir), os.MkdirAll(dir, 0o700)); err != nil {
				return err
			}
			took[0], took[1] = append(took[0], ours), append(took[1], other)
		}
		f := figure{
			what: fmt.Sprintf("bytes appended, %d at a time (writes into files)", size),
			ours: speed(took[0].best()), other: speed(took[1].best()),
			ratio: took[1].best() / took[0].best(), usual: took[1].usual() / took[0].usual(), least: true,
		}
		if size > 1<<10 {
			f.most = 0.8
		}
		t.add(f)
	}
	return nil
}

// appended returns the ns a byte.
func appended(dir string, payload []byte, total int) (float64, error) {
	log, err := spool.Open(spool.Options{Dir: dir})
	if err != nil {
		return 0, err
	}
	start := time.Now()
	for range total / len(payload) {
		if _, err := log.Append(spool.Record{Items: 512, Payload: payload}); err != nil {
			return 0, errors.Join(err, log.Close())
		}
	}
	took := time.Since(start)
	return float64(took) / float64(total), log.Close()
}

func written(dir string, payload []byte, total int) (float64, error) {
	const segment = 4 << 20
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return 0, err
	}
	files := make([]*os.File, 0, total/segment+2)
	synced := make(chan error, cap(files))
	pending := 0
	start := time.Now()
	last, at := start, 0
	for range total / len(payload) {
		if at == 0 || at+len(payload) > segment {
			f, err := os.Create(filepath.Join(dir, fmt.Sprint(len(files))))
			if err != nil {
				return 0, err
			}
			if len(files) > 0 {
				pending++
				go func(f *os.File) { synced <- f.Sync() }(files[len(files)-1])
			}
			files, at = append(files, f), 0
		}
		f := files[len(files)-1]
		if _, err := f.WriteAt(payload, int64(at)); err != nil {
			return 0, err
		}
		at += len(payload)
		if time.Since(last) > time.Second/2 && pending < cap(synced) {
			last = time.Now()
			pending++
			go func() { synced <- f.Sync() }()
		}
	}
	took := time.Since(start)
	var faults []error
	for range pending {
		faults = append(faults, <-synced)
	}
	for _, f := range files {
		faults = append(faults, f.Close())
	}
	return float64(took) / float64(total), errors.Join(faults...)
}

func speed(nsPerByte float64) string { return fmt.Sprintf("%.0f MB/s", 1e3/nsPerByte) }
