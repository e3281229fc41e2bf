//go:build unix

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"
)

const (
	flips         = 50
	damagedSpans  = 64 * request
	restartLimit  = 20 * time.Second
	nothingArrive = 1500 * time.Millisecond // the end of a restart that does not bring everything
)

// outcome counts restarts, and spans.
type outcome struct {
	same, changed, part, nothing, dead int
	most, lost, told                   int64
}

// restarts is what came of one.
type restarts struct {
	spans, told int64
	sum         uint64
	dead        bool
}

// damage fills a store, and restarts on copies of it with one bit flipped each.
func damage(ctx context.Context, out io.Writer) error {
	line(out, "", "all arrives", "all arrives, some of it changed", "part is lost", "all is lost", "crash, hang or no start", "spans lost at most", "in sum", "of these told")
	line(out, "---", "---:", "---:", "---:", "---:", "---:", "---:", "---:", "---:")
	for _, name := range []string{ours, given} {
		dir, err := os.MkdirTemp("", "otelmon-collector")
		if err != nil {
			return err
		}
		o, err := flipped(ctx, name, dir)
		if err := errors.Join(err, os.RemoveAll(dir)); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		line(out, name, fmt.Sprint(o.same), fmt.Sprint(o.changed), fmt.Sprint(o.part), fmt.Sprint(o.nothing), fmt.Sprint(o.dead),
			fmt.Sprint(o.most), fmt.Sprint(o.lost), fmt.Sprint(o.told))
	}
	return nil
}

func flipped(ctx context.Context, name, dir string) (o outcome, err error) {
	b, err := startBackend(ctx, "127.0.0.1:0")
	if err != nil {
		return o, err
	}
	url, store := "http://"+b.addr, filepath.Join(dir, "store")
	fill, err1 := self(ctx, "fill", name, store, url)
	// Its port stays vacant while the store is filled.
	if err := errors.Join(b.stop(), os.Mkdir(store, 0o700), err1); err != nil {
		return o, err
	}
	if answer, err := fill.CombinedOutput(); err != nil {
		return o, fmt.Errorf("%w: %s", err, answer)
	}
	if b, err = startBackend(ctx, b.addr); err != nil {
		return o, err
	}
	defer func() { err = errors.Join(err, b.stop()) }()
	whole, err := restarted(ctx, name, store, filepath.Join(dir, "whole"), url, b, nil)
	if err == nil && (whole.spans != damagedSpans || whole.dead) {
		err = fmt.Errorf("restart without damage: %+v", whole)
	}
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same flips each time
	for i := 0; i < flips && err == nil; i++ {
		var r restarts
		r, err = restarted(ctx, name, store, filepath.Join(dir, fmt.Sprint(i)), url, b, random)
		o.count(r, whole)
	}
	return o, err
}

func (o *outcome) count(r, whole restarts) {
	lost := max(whole.spans-r.spans, 0)
	switch {
	case r.dead:
		o.dead++
	case r.spans == 0:
		o.nothing++
	case lost > 0:
		o.part++
	case r.sum != whole.sum:
		o.changed++
	default:
		o.same++
	}
	o.most, o.lost, o.told = max(o.most, lost), o.lost+lost, o.told+r.told
}

// restarted restarts on a copy of the store, in which it flips a bit.
func restarted(ctx context.Context, name, store, dir, url string, b *backend, random *rand.Rand) (r restarts, err error) {
	if err := os.CopyFS(dir, os.DirFS(store)); err != nil {
		return r, err
	}
	if random != nil {
		if err := flip(dir, random); err != nil {
			return r, err
		}
	}
	before, err := b.arrivals(ctx, 0, 0)
	if err != nil {
		return r, err
	}
	limited, cancel := context.WithTimeout(ctx, restartLimit)
	defer cancel()
	cmd, err := self(limited, "restart", name, dir, url)
	if err != nil {
		return r, err
	}
	input, err1 := cmd.StdinPipe()
	output, err2 := cmd.StdoutPipe()
	if err := errors.Join(err1, err2, cmd.Start()); err != nil {
		return r, err
	}
	after, err := b.arrivals(ctx, before.Spans+damagedSpans, nothingArrive)
	if err != nil {
		return r, err
	}
	_ = input.Close() // it may be gone
	unread := json.NewDecoder(output).Decode(&r.told)
	r.dead = errors.Join(unread, cmd.Wait()) != nil
	r.spans, r.sum = after.Spans-before.Spans, after.Sum-before.Sum
	return r, os.RemoveAll(dir)
}

// flip changes one bit anywhere in the files of dir.
func flip(dir string, random *rand.Rand) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var names []string
	var contents [][]byte
	sum := 0
	for _, e := range entries {
		if e.IsDir() {
			continue
		}
		name := filepath.Join(dir, e.Name())
		content, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		names, contents, sum = append(names, name), append(contents, content), sum+len(content)
	}
	at := random.IntN(sum)
	for i, content := range contents {
		if at < len(content) {
			content[at] ^= 1 << random.IntN(8)
			return os.WriteFile(names[i], content, 0o600)
		}
		at -= len(content)
	}
	return nil
}

// fill is a child process that leaves a store with what nobody took.
func fill(ctx context.Context, name, dir, url string) error {
	w, err := open(ctx, name, dir, url)
	if err != nil {
		return err
	}
	for range damagedSpans / burst {
		if err := w.push(ctx, burst); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	_ = w.close(ctx) // says that spans are left, as they should be
	return nil
}

// restart is a child process that delivers until its standard input ends, and
// prints what it says was damaged.
func restart(ctx context.Context, out io.Writer, name, dir, url string) error {
	w, err := open(ctx, name, dir, url)
	if err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return err
	}
	err = json.NewEncoder(out).Encode(w.told())
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	_ = w.close(ctx) // says what was damaged
	return err
}
