package spool_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/otelmon/otelmon-go/exporters/spool"
)

func Example() {
	parent, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(parent)

	log, err := spool.Open(spool.Options{
		Dir:  filepath.Join(parent, "spool"),
		Lost: func(l spool.Loss) { fmt.Println(l.Cursor, "lost", l.Items, "items:", l.Reason) },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer log.Close()
	cursor, err := log.Cursor("otlp.example.com", spool.Oldest)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, request := range []string{"first request", "second request"} {
		if _, err := log.Append(spool.Record{Lane: 1, Items: 512, Payload: []byte(request)}); err != nil {
			fmt.Println(err)
			return
		}
	}

	record, err := cursor.Next(context.Background(), 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s, record %d with %d items\n", record.Payload, record.Seq, record.Items)
	if err := cursor.Ack(1, record.Seq); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(cursor.Pending(1).Items, "items pending")
	// Output:
	// first request, record 1 with 512 items
	// 512 items pending
}
