package drill

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"time"

	"github.com/otelmon/otelmon-go/exporters"
	"github.com/otelmon/otelmon-go/internal/settings"
)

// errand is what a process that is to be killed is told. It comes over a pipe,
// since other users may read arguments, and the environment holds credentials.
type errand struct {
	Environ           []string
	Dir, Address, Key string
	Made              [3]int64
}

// Victim is the process that the scenario "killed" kills. Its program calls it,
// started by [RunKilling], with its standard input and output, and does nothing
// else. It makes telemetry, part of which gets into the directory, and waits for
// its death; it returns when in ends, or with what keeps it from that.
func Victim(ctx context.Context, in io.Reader, out io.Writer) error {
	var e errand
	if err := json.NewDecoder(in).Decode(&e); err != nil {
		return fmt.Errorf("read what to do: %w", err)
	}
	set, err := settings.Resolve(e.Environ, nil)
	if err != nil {
		return fmt.Errorf("the settings are wrong: %w", err)
	}
	o, err := outboxOf(set)
	if err != nil {
		return err
	}
	o.Dir = e.Dir
	// Nothing gets out of memory by itself, so that it is known what is in there.
	o.Spans, o.Records = exporters.Batching{Delay: time.Hour}, exporters.Batching{Delay: time.Hour}
	t := aim(nameKilled, o, e.Address, e.Key)
	t.Made = e.Made
	if err := t.begin(ctx); err != nil {
		return err
	}
	defer t.end(ctx)
	t.produce(ctx, some)
	_ = t.box.Flush(ctx) // so that they are written; they cannot be sent
	t.produce(ctx, some)
	t.Memory[exporters.Logs] = some
	if !o.EachSpan {
		t.Memory[exporters.Traces] = some
	}
	if err := json.NewEncoder(out).Encode(t.tally); err != nil {
		return fmt.Errorf("say what was made: %w", err)
	}
	_, err = io.Copy(io.Discard, in)
	return err
}

// unkillable says why nothing can be killed, "" if it can.
func (c course) unkillable() string {
	switch {
	case c.dir == "":
		return "telemetry waits in memory, of which a kill leaves nothing to go on with"
	case runtime.GOOS != "linux" && runtime.GOOS != "darwin":
		return "on this system the ledger is saved at the end of a process, so a kill cannot be in it"
	case c.victim == nil:
		return "no program was given that can be killed; the command otelmon drill kills itself"
	}
	return ""
}

// kill has another process go on, and kills it.
func (t *trial) kill(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, settling)
	defer cancel()
	victim := exec.CommandContext(ctx, t.course.victim[0], t.course.victim[1:]...) //nolint:gosec // the caller's own program
	in, err := victim.StdinPipe()
	if err != nil {
		return err
	}
	out, err := victim.StdoutPipe()
	if err != nil {
		return err
	}
	var last bytes.Buffer
	victim.Stderr = &last
	if err := victim.Start(); err != nil {
		return fmt.Errorf("start the process that is to be killed: %w", err)
	}
	err = json.NewEncoder(in).Encode(errand{
		Environ: t.course.environ, Dir: t.options.Dir, Address: t.stand.address, Key: t.stand.key, Made: t.Made,
	})
	err = errors.Join(err, json.NewDecoder(out).Decode(&t.tally))
	err = errors.Join(err, victim.Process.Kill())
	_ = victim.Wait() // says that it was killed
	if err != nil {
		return fmt.Errorf("the process that was to be killed: %w: %s", err, bytes.TrimSpace(last.Bytes()))
	}
	return nil
}
