package spool

import (
	"bufio"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// victim appends and acknowledges until it is killed, and tells what the log
// has confirmed.
func victim(dir string) {
	l, err := Open(Options{Dir: dir, MinFree: -1, SegmentBytes: 2000})
	if err != nil {
		fmt.Println(err)
		os.Exit(1) //nolint:forbidigo // the test's own process
	}
	c, err := l.Cursor("a", Oldest)
	for err == nil {
		var seq uint64
		if seq, err = l.Append(Record{Lane: 1, Items: 2, Payload: []byte(strings.Repeat("x", rand.IntN(400)))}); err != nil {
			break
		}
		fmt.Println("appended", seq)
		if rand.IntN(3) == 0 {
			continue
		}
		var r Record
		var ok bool
		if r, ok, err = c.read(1, &c.lanes[1]); err == nil && ok {
			if err = c.Ack(1, r.Seq); err == nil {
				fmt.Println("acknowledged", r.Seq)
			}
		}
	}
	fmt.Println(err)
	os.Exit(1) //nolint:forbidigo // the test's own process
}

func TestKilledProcessLosesNothing(t *testing.T) {
	const kills = 100
	dir := inMemory(t)
	var appended, acked uint64
	var losses ledger
	for i := range kills {
		told := killed(t, dir, 1+rand.IntN(200))
		appended, acked = max(appended, told["appended"]), max(acked, told["acknowledged"])

		l := start(t, Options{Dir: dir, Lost: losses.lost})
		c := cursor(t, l, "a")
		last := l.lanes[1].last.seq
		if last < appended || last > appended+1 {
			t.Fatalf("kill %d: the log ends with record %d, confirmed was %d", i, last, appended)
		}
		if r, ok := ready(t, c, 1); ok && (r.Seq <= acked || r.Seq > acked+2) || !ok && acked+2 < last {
			t.Fatalf("kill %d: begins again with record %d, acknowledged was %d", i, r.Seq, acked)
		}
		if i%10 == 9 {
			if p := c.Pending(1); p.Items != 2*p.Records {
				t.Errorf("pending %+v", p)
			}
			if err := c.Ack(1, c.lanes[1].read.seq); err != nil {
				t.Error(err)
			}
			drain(t, c, 1)
			if c.lanes[1].read.seq != last {
				t.Fatalf("kill %d: read up to %d of %d", i, c.lanes[1].read.seq, last)
			}
			acked = last
		}
		appended = last
		kill(l)
	}
	if len(losses.losses) != 0 {
		t.Errorf("lost %+v", losses.losses)
	}
}

// killed runs a victim, kills it after some lines, and returns the last number
// it told of each kind.
func killed(t *testing.T, dir string, lines int) map[string]uint64 {
	t.Helper()
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), "SPOOL_VICTIM="+dir)
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	told := make(map[string]uint64)
	scan := bufio.NewScanner(out)
	for scan.Scan() {
		what, number, _ := strings.Cut(scan.Text(), " ")
		seq, err := strconv.ParseUint(number, 10, 64)
		if err != nil {
			t.Errorf("the victim says %q", scan.Text())
			break
		}
		told[what] = seq
		if lines--; lines == 0 {
			if err := command.Process.Kill(); err != nil {
				t.Error(err)
			}
		}
	}
	if _, ok := errors.AsType[*exec.ExitError](command.Wait()); !ok {
		t.Error("the victim ended by itself")
	}
	return told
}
