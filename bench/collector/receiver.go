//go:build unix

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// arrivals is what a receiver tells of the spans it got.
type arrivals struct {
	Spans       int64
	Sum         uint64 // of checksums of spans with resource and scope, so order is no matter
	First, Last time.Time
}

// receiver takes OTLP over HTTP and only counts.
type receiver struct {
	mu      sync.Mutex
	got     arrivals
	changed chan struct{} // closed and replaced with every request
	sums    *crc32.Table
}

// receive is the child process. It ends when its standard input does.
func receive(ctx context.Context, out io.Writer, addr string) error {
	var c net.ListenConfig
	l, err := c.Listen(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	r := &receiver{changed: make(chan struct{}), sums: crc32.MakeTable(crc32.Castagnoli)}
	server := &http.Server{Handler: http.HandlerFunc(r.serve), ReadHeaderTimeout: time.Minute}
	var work sync.WaitGroup
	work.Go(func() { _ = server.Serve(l) }) // ends with Close below
	if err := json.NewEncoder(out).Encode(l.Addr().String()); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, os.Stdin)
	err = errors.Join(err, server.Close())
	work.Wait()
	return err
}

// serve counts what is posted. GET waits until spans have arrived, or until
// nothing has for a time.
func (r *receiver) serve(w http.ResponseWriter, req *http.Request) {
	if req.Method == http.MethodGet {
		var want int64
		var idle time.Duration
		if _, err := fmt.Sscanf(req.URL.Path, "/%d/%d", &want, &idle); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		_ = json.NewEncoder(w).Encode(r.wait(want, idle)) // the parent notices
		return
	}
	var body bytes.Buffer
	body.Grow(int(max(req.ContentLength, 0)) + bytes.MinRead)
	if _, err := body.ReadFrom(req.Body); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	r.count(body.Bytes())
	w.Header().Set("Content-Type", "application/x-protobuf")
}

func (r *receiver) wait(want int64, idle time.Duration) arrivals {
	for {
		r.mu.Lock()
		got, changed := r.got, r.changed
		r.mu.Unlock()
		if got.Spans >= want {
			return got
		}
		select {
		case <-changed:
		case <-time.After(idle):
			return got
		}
	}
}

func (r *receiver) count(body []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got.Last = time.Now()
	if r.got.Spans == 0 {
		r.got.First = r.got.Last
	}
	fields(body, 1, func(spans []byte) {
		var about uint32
		fields(spans, 1, func(resource []byte) { about = crc32.Update(about, r.sums, resource) })
		fields(spans, 2, func(spans []byte) {
			about := about
			fields(spans, 1, func(scope []byte) { about = crc32.Update(about, r.sums, scope) })
			fields(spans, 2, func(span []byte) {
				r.got.Spans++
				r.got.Sum += uint64(crc32.Update(about, r.sums, span))
			})
		})
	})
	close(r.changed)
	r.changed = make(chan struct{})
}

// fields calls do with each occurrence of a field that has a length.
func fields(message []byte, number protowire.Number, do func([]byte)) {
	for len(message) > 0 {
		n, kind, size := protowire.ConsumeField(message)
		if size < 0 {
			return
		}
		if n == number && kind == protowire.BytesType {
			_, _, tag := protowire.ConsumeTag(message)
			value, _ := protowire.ConsumeBytes(message[tag:])
			do(value)
		}
		message = message[size:]
	}
}

// backend is a receiver in a process of its own.
type backend struct {
	addr    string
	process *exec.Cmd
	input   io.Closer
}

func startBackend(ctx context.Context, addr string) (*backend, error) {
	process, err := self(ctx, "receive", addr)
	if err != nil {
		return nil, err
	}
	b := &backend{process: process}
	b.process.Stderr = os.Stderr
	input, err1 := b.process.StdinPipe()
	output, err2 := b.process.StdoutPipe()
	if err := errors.Join(err1, err2, b.process.Start()); err != nil {
		return nil, err
	}
	b.input = input
	if err := json.NewDecoder(bufio.NewReader(output)).Decode(&b.addr); err != nil {
		return nil, errors.Join(fmt.Errorf("receiver: %w", err), b.stop())
	}
	return b, nil
}

func (b *backend) stop() error { return errors.Join(b.input.Close(), b.process.Wait()) }

// arrivals returns when so many spans have arrived since the start, or none for
// a time.
func (b *backend) arrivals(ctx context.Context, spans int64, idle time.Duration) (a arrivals, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://%s/%d/%d", b.addr, spans, idle), http.NoBody)
	if err != nil {
		return a, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return a, err
	}
	defer func() { _ = resp.Body.Close() }()
	return a, json.NewDecoder(resp.Body).Decode(&a)
}

// await is arrivals for those who expect all of them.
func (b *backend) await(ctx context.Context, spans int64) (arrivals, error) {
	a, err := b.arrivals(ctx, spans, 30*time.Second)
	if err == nil && a.Spans < spans {
		err = fmt.Errorf("%d spans of %d arrived", a.Spans, spans)
	}
	return a, err
}
