package otelmon

import (
	"cmp"
	"context"
	"io/fs"
	"os"
	"regexp"
	"runtime/debug"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
)

// namespaceFile is where Kubernetes tells a pod its namespace.
const namespaceFile = "var/run/secrets/kubernetes.io/serviceaccount/namespace"

// newResource describes this process. The detectors are picked one by one:
// command-line arguments, the executable's path and the owner often hold
// secrets or people's names. The attributes given in code come last and win.
//
// A detector that fails costs its own attributes only: the resource is always
// usable, and the error tells what is missing from it.
func newResource(ctx context.Context, env func(string) string, code []attribute.KeyValue) (*resource.Resource, error) {
	return resource.New(
		ctx,
		resource.WithService(),
		resource.WithAttributes(buildInfo()...),
		resource.WithHost(),
		resource.WithOS(),
		resource.WithAttributes(container(os.DirFS("/"))...),
		resource.WithProcessPID(),
		resource.WithProcessExecutableName(),
		resource.WithProcessRuntimeName(),
		resource.WithProcessRuntimeVersion(),
		resource.WithAttributes(kubernetes(env, os.DirFS("/"))...),
		resource.WithFromEnv(),
		resource.WithTelemetrySDK(),
		resource.WithAttributes(code...),
	)
}

func buildInfo() []attribute.KeyValue {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return nil
	}
	return versions(info)
}

// versions takes the version and the VCS revision, never the build settings as
// a whole: -ldflags may hold secrets.
func versions(info *debug.BuildInfo) []attribute.KeyValue {
	var attrs []attribute.KeyValue
	if v := info.Main.Version; v != "" && v != "(devel)" {
		attrs = append(attrs, semconv.ServiceVersion(v))
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			attrs = append(attrs, semconv.VCSRefHeadRevision(s.Value))
		}
	}
	return attrs
}

// kubernetes asks no API server: it reads what the downward API put into the
// environment, under the names that manifests and the OpenTelemetry operator
// use, and the namespace file of the service account. In a pod without such
// variables the host name is the pod's name.
func kubernetes(env func(string) string, root fs.FS) []attribute.KeyValue {
	first := func(names ...string) string {
		for _, name := range names {
			if v := env(name); v != "" {
				return v
			}
		}
		return ""
	}
	pod := first("OTEL_RESOURCE_ATTRIBUTES_POD_NAME", "K8S_POD_NAME", "POD_NAME")
	namespace := first("OTEL_RESOURCE_ATTRIBUTES_NAMESPACE_NAME", "K8S_NAMESPACE_NAME", "POD_NAMESPACE")
	if env("KUBERNETES_SERVICE_HOST") != "" {
		pod = cmp.Or(pod, env("HOSTNAME"))
		if b, err := fs.ReadFile(root, namespaceFile); err == nil && len(b) < 256 {
			namespace = cmp.Or(namespace, strings.TrimSpace(string(b)))
		}
	}
	var attrs []attribute.KeyValue
	for _, a := range []attribute.KeyValue{
		semconv.K8SPodName(pod),
		semconv.K8SNamespaceName(namespace),
		semconv.K8SPodUID(first("OTEL_RESOURCE_ATTRIBUTES_POD_UID", "K8S_POD_UID", "POD_UID")),
		semconv.K8SNodeName(first("OTEL_RESOURCE_ATTRIBUTES_NODE_NAME", "K8S_NODE_NAME", "NODE_NAME")),
		semconv.K8SContainerName(first("OTEL_RESOURCE_ATTRIBUTES_CONTAINER_NAME", "K8S_CONTAINER_NAME")),
	} {
		if a.Value.AsString() != "" {
			attrs = append(attrs, a)
		}
	}
	return attrs
}

// containerID is what container engines put into paths: 64 hexadecimal digits.
// The SDK's own detector takes anything between a hyphen and a dot for one,
// such as a systemd session, and does not look where cgroup v2 leaves a trace.
var containerID = regexp.MustCompile(`/(?:[a-z-]*[-:])?([0-9a-f]{64})(?:\.scope)?(?:/|$)`)

// container finds the container that this process runs in, on Linux: in its
// control groups or, under cgroup v2 with a namespace of its own, in the paths
// of the files that the engine mounts into it.
func container(root fs.FS) []attribute.KeyValue {
	for _, source := range []struct{ file, lines string }{
		{"proc/self/cgroup", ""},
		{"proc/self/mountinfo", "/etc/host"},
	} {
		b, err := fs.ReadFile(root, source.file)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(b)) {
			for field := range strings.FieldsSeq(line) {
				if m := containerID.FindStringSubmatch(field); m != nil && strings.Contains(line, source.lines) {
					return []attribute.KeyValue{semconv.ContainerID(m[1])}
				}
			}
		}
	}
	return nil
}
