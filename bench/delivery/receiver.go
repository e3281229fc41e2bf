package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
)

const receiverArgument = "receive-otlp"

// arrivals is what a receiver tells of the spans it got.
type arrivals struct {
	Spans, Live, Bytes int64
	First              time.Time     // when the first request came
	Late               time.Duration // of the newest live span: from its end to its arrival
}

// receiver takes OTLP over both protocols and only counts. Its cost is no part
// of any figure but for the processor it needs.
type receiver struct {
	mu     sync.Mutex
	got    arrivals
	delays rounds // of live spans made after the first request
}

const delaysPath = "/delays"

// receive is the child process. It ends when its standard input does.
func receive(ctx context.Context, out io.Writer, addr string) error {
	var c net.ListenConfig
	web, err1 := c.Listen(ctx, "tcp", addr)
	rpc, err2 := c.Listen(ctx, "tcp", "127.0.0.1:0")
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	r := &receiver{}
	server := &http.Server{Handler: http.HandlerFunc(r.serveHTTP), ReadHeaderTimeout: time.Minute}
	calls := grpc.NewServer(grpc.MaxRecvMsgSize(16<<20), grpc.ForceServerCodecV2(raw{}), grpc.UnknownServiceHandler(r.serveGRPC))
	var work sync.WaitGroup
	work.Go(func() { _ = server.Serve(web) }) // ends with Close below
	work.Go(func() { _ = calls.Serve(rpc) })  // ends with Stop below
	if err := json.NewEncoder(out).Encode([]string{web.Addr().String(), rpc.Addr().String()}); err != nil {
		return err
	}
	_, err := io.Copy(io.Discard, os.Stdin)
	calls.Stop()
	err = errors.Join(err, server.Close())
	work.Wait()
	return err
}

func (r *receiver) serveHTTP(w http.ResponseWriter, req *http.Request) {
	if req.Method == http.MethodGet {
		r.mu.Lock()
		defer r.mu.Unlock()
		var told any = r.got
		if req.URL.Path == delaysPath {
			told = r.delays
		}
		_ = json.NewEncoder(w).Encode(told) // the parent notices
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

func (r *receiver) serveGRPC(_ any, stream grpc.ServerStream) error {
	var body []byte
	if err := stream.RecvMsg(&body); err != nil {
		return err
	}
	r.count(body)
	return stream.SendMsg([]byte{})
}

// count walks the request; decoding it would take the processor that the other
// side needs.
func (r *receiver) count(body []byte) {
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.got.Spans == 0 {
		r.got.First = now
	}
	r.got.Bytes += int64(len(body))
	fields(body, 1, func(resource []byte) {
		fields(resource, 2, func(scope []byte) {
			fields(scope, 2, func(span []byte) {
				r.got.Spans++
				fields(span, 5, func(name []byte) {
					if string(name) == liveName {
						r.got.Live++
						end := endOf(span)
						r.got.Late = now.Sub(end)
						if end.After(r.got.First) {
							r.delays = append(r.delays, float64(r.got.Late))
						}
					}
				})
			})
		})
	})
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

func endOf(span []byte) time.Time {
	for len(span) > 0 {
		n, kind, size := protowire.ConsumeField(span)
		if size < 0 {
			break
		}
		if n == 8 && kind == protowire.Fixed64Type {
			v, _ := protowire.ConsumeFixed64(span[size-8:])
			return time.Unix(0, int64(v)) //nolint:gosec // a time
		}
		span = span[size:]
	}
	return time.Time{}
}

// raw is the codec of messages that stay bytes.
type raw struct{}

func (raw) Name() string { return "proto" }

func (raw) Marshal(v any) (mem.BufferSlice, error) {
	body, ok := v.([]byte)
	if !ok {
		return nil, fmt.Errorf("%T is not encoded", v)
	}
	return mem.BufferSlice{mem.SliceBuffer(body)}, nil
}

func (raw) Unmarshal(data mem.BufferSlice, v any) error {
	body, ok := v.(*[]byte)
	if !ok {
		return fmt.Errorf("%T takes no bytes", v)
	}
	*body = data.Materialize()
	return nil
}

// backend is a receiver in a process of its own.
type backend struct {
	http, grpc string // addresses
	process    *exec.Cmd
	input      io.Closer
}

// startBackend listens at addr for OTLP over HTTP, and anywhere for gRPC.
func startBackend(ctx context.Context, addr string) (*backend, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	b := &backend{process: exec.CommandContext(ctx, self, receiverArgument, addr)}
	b.process.Stderr = os.Stderr
	input, err1 := b.process.StdinPipe()
	output, err2 := b.process.StdoutPipe()
	if err := errors.Join(err1, err2, b.process.Start()); err != nil {
		return nil, err
	}
	b.input = input
	var addrs []string
	if err := json.NewDecoder(bufio.NewReader(output)).Decode(&addrs); err != nil {
		return nil, errors.Join(fmt.Errorf("receiver: %w", err), b.stop())
	}
	b.http, b.grpc = addrs[0], addrs[1]
	return b, nil
}

func (b *backend) stop() error { return errors.Join(b.input.Close(), b.process.Wait()) }

func (b *backend) arrivals(ctx context.Context) (a arrivals, err error) {
	err = b.ask(ctx, "", &a)
	return a, err
}

func (b *backend) delays(ctx context.Context) (took rounds, err error) {
	err = b.ask(ctx, delaysPath, &took)
	return took, err
}

func (b *backend) ask(ctx context.Context, path string, answer any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+b.http+path, http.NoBody)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	return json.NewDecoder(resp.Body).Decode(answer)
}
