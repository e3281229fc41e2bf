//go:build unix

package e2e

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// TestManifestTimings: what the manifest says of probes and of the end agrees with
// what the program does.
func TestManifestTimings(t *testing.T) {
	t.Parallel()
	w := loadManifests(t, kubernetes).workload(t, orders)
	c := w.container()
	flags := make(map[string]string)
	for _, arg := range c.Args {
		name, value, _ := strings.Cut(strings.TrimPrefix(arg, "-"), "=")
		flags[name] = value
	}
	if _, port, _ := strings.Cut(flags["addr"], ":"); port != itoa(int64(w.port("http"))) || !strings.HasPrefix(flags["addr"], ":") {
		t.Errorf("the program listens on %q, the manifest has the port %d", flags["addr"], w.port("http"))
	}
	drain, err := time.ParseDuration(flags["drain"])
	if err != nil {
		t.Fatal(err)
	}
	seconds := func(n int32) time.Duration { return time.Duration(n) * time.Second }
	before := time.Duration(c.Lifecycle.PreStop.Sleep.Seconds) * time.Second
	r := c.ReadinessProbe
	if failing := seconds(r.PeriodSeconds * r.FailureThreshold); drain < failing || before+drain < failing+5*time.Second {
		t.Errorf("preStop %v and -drain %v; a probe that finds readiness failing takes %v, and DrainOnSignal asks for 5 s more", before, drain, failing)
	}
	// The program gives checks and alerts 5 s, telemetry 5 s.
	const stop, telemetry, requests = 5 * time.Second, 5 * time.Second, 10 * time.Second
	if grace := time.Duration(*w.pod.Spec.TerminationGracePeriodSeconds) * time.Second; grace < before+drain+requests+stop+telemetry {
		t.Errorf("it is killed after %v: preStop %v, draining %v, requests %v, stopping %v and telemetry %v do not fit", grace, before, drain, requests, stop, telemetry)
	}
	if p := c.StartupProbe; seconds(p.PeriodSeconds*p.FailureThreshold) < 30*time.Second {
		t.Errorf("it is killed when it has not started after %v", seconds(p.PeriodSeconds*p.FailureThreshold))
	}
	if s, size := c.Resources.Limits.StorageEphemeral(), w.pod.Spec.Volumes[0].EmptyDir.SizeLimit; s.Cmp(*size) < 0 {
		t.Errorf("the volume may hold %v, the pod is evicted at %v", size, s)
	}
	env := w.environ(t, downward(256))
	limit, found := find(env, func(v string) bool { return strings.HasPrefix(v, "OTELMON_OUTBOX_MAX_BYTES=") })
	bytes, err := strconv.ParseInt(strings.TrimPrefix(limit, "OTELMON_OUTBOX_MAX_BYTES="), 10, 64)
	if err != nil || !found || 2*bytes > w.pod.Spec.Volumes[0].EmptyDir.SizeLimit.Value() {
		t.Errorf("the outbox may hold %d bytes (%v) of a volume of %v: a pod whose volume is full is evicted", bytes, err, w.pod.Spec.Volumes[0].EmptyDir.SizeLimit)
	}
}

// TestManifestProgram runs the example as the manifest says, but for its ports and
// folders: it is ready by the three probes, its telemetry names the pod and goes
// to the agent's port, it fails readiness alone while it drains, and ends in time.
// Takes some 15 s, of which 10 are the drain.
func TestManifestProgram(t *testing.T) {
	w := loadManifests(t, kubernetes).workload(t, orders)
	c := w.container()
	s := startStack(t)
	volume := t.TempDir()
	if err := os.Chmod(volume, 0o2777|os.ModeSetgid); err != nil { // as the kubelet makes it
		t.Fatal(err)
	}
	var env []string
	for _, v := range w.environ(t, downward(256)) {
		v = strings.ReplaceAll(v, "http://127.0.0.1:4318", s.http)
		env = append(env, strings.ReplaceAll(v, c.VolumeMounts[0].MountPath, volume))
	}
	args := slices.DeleteFunc(slices.Clone(c.Args), func(arg string) bool {
		return slices.ContainsFunc([]string{"-addr=", "-postgres=", "-redis="}, func(own string) bool { return strings.HasPrefix(arg, own) })
	})
	p := startShop(t, append(env, "OTEL_METRIC_EXPORT_INTERVAL=1000"), args...)
	probes := map[string]*corev1.Probe{"/startupz": c.StartupProbe, "/readyz": c.ReadinessProbe, "/livez": c.LivenessProbe}
	for _, path := range slices.Sorted(maps.Keys(probes)) {
		if probes[path].HTTPGet.Path != path {
			t.Errorf("%s is asked at %s", path, probes[path].HTTPGet.Path)
		}
		awaitAnswer(t, p.base+probes[path].HTTPGet.Path, "ok", p.ended)
	}
	p.mustAnswer(t, 1, http.StatusCreated)
	s.await(t, noticed, func() error {
		if len(s.spansOf(orders)) == 0 || len(s.metricsOf(orders)) == 0 {
			return fmt.Errorf("%d spans and %d metrics have arrived", len(s.spansOf(orders)), len(s.metricsOf(orders)))
		}
		return nil
	})
	told := s.metricsOf(orders)[0].resource
	for key, want := range map[string]string{
		"service.instance.id": "0f1e2d3c-aaaa-bbbb-cccc-0123456789ab", "k8s.pod.uid": "0f1e2d3c-aaaa-bbbb-cccc-0123456789ab",
		"k8s.pod.name": "orders-6c9f-x2x7k", "k8s.namespace.name": "shop", "k8s.node.name": "node-7", "k8s.container.name": orders,
		"service.name": orders, "service.namespace": "shop", "deployment.environment.name": "production",
	} {
		if told[key] != want {
			t.Errorf("%s is %v, want %s", key, told[key], want)
		}
	}
	if files, err := filepath.Glob(filepath.Join(volume, "otelmon/outbox/*")); err != nil || len(files) == 0 {
		t.Errorf("nothing is in the volume: %v", err)
	}

	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	p.await(t, "readiness should fail", func(r readiness) bool { return r.status == http.StatusServiceUnavailable })
	awaitAnswer(t, p.base+"/livez", "ok", p.ended)
	p.mustAnswer(t, 1, http.StatusCreated)
	p.wait(t, time.Duration(*w.pod.Spec.TerminationGracePeriodSeconds-c.Lifecycle.PreStop.Sleep.Seconds)*time.Second)
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}
