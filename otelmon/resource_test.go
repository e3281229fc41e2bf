package otelmon

import (
	"os"
	"runtime/debug"
	"strings"
	"testing"
	"testing/fstest"

	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
)

func attributes(kvs []attribute.KeyValue) map[string]string {
	m := map[string]string{}
	for _, kv := range kvs {
		m[string(kv.Key)] = kv.Value.String()
	}
	return m
}

func TestResourceHoldsNoArgumentsAndNoNames(t *testing.T) {
	os.Args = append(os.Args, "--db-password=hunter2")
	t.Cleanup(func() { os.Args = os.Args[:len(os.Args)-1] })
	t.Setenv("USER", "alice")
	res, err := newResource(t.Context(), os.Getenv, nil)
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range attributes(res.Attributes()) {
		if strings.Contains(k, "owner") || strings.Contains(k, "command") || strings.Contains(k, "path") ||
			strings.Contains(v, "hunter2") || strings.Contains(v, "alice") {
			t.Errorf("resource tells %s=%q", k, v)
		}
	}
}

func TestResourcePrecedence(t *testing.T) {
	t.Setenv("OTEL_SERVICE_NAME", "from-env")
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "service.version=env,team=shop")
	cfg := Config{Version: "code"}
	res, err := newResource(t.Context(), os.Getenv, cfg.attributes())
	if err != nil {
		t.Fatal(err)
	}
	got := attributes(res.Attributes())
	for k, want := range map[string]string{
		"service.name": "from-env", "service.version": "code", "team": "shop", "telemetry.sdk.language": "go",
	} {
		if got[k] != want {
			t.Errorf("%s is %q, want %q", k, got[k], want)
		}
	}
	for _, k := range []string{"service.instance.id", "host.name", "os.type", "process.pid", "process.runtime.version"} {
		if got[k] == "" {
			t.Errorf("no %s", k)
		}
	}
	if url := res.SchemaURL(); url != semconv.SchemaURL {
		t.Errorf("schema %q, want %q", url, semconv.SchemaURL)
	}
}

func TestBadResourceVariableCostsItsOwnAttributesOnly(t *testing.T) {
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "no-equals-sign")
	res, err := newResource(t.Context(), os.Getenv, Config{Service: "shop"}.attributes())
	if err == nil {
		t.Error("a malformed variable went unnoticed")
	}
	got := attributes(res.Attributes())
	if got["service.name"] != "shop" || got["host.name"] == "" {
		t.Errorf("the rest is gone: %v", got)
	}
}

func TestBuildInfoTellsVersionAndRevisionOnly(t *testing.T) {
	info := &debug.BuildInfo{Main: debug.Module{Version: "v1.2.3"}, Settings: []debug.BuildSetting{
		{Key: "-ldflags", Value: "-X main.secret=hunter2"}, {Key: "vcs.revision", Value: "abc"},
	}}
	got := attributes(versions(info))
	if len(got) != 2 || got["service.version"] != "v1.2.3" || got["vcs.ref.head.revision"] != "abc" {
		t.Errorf("got %v", got)
	}
	if versions(&debug.BuildInfo{Main: debug.Module{Version: "(devel)"}}) != nil {
		t.Error("a version was made up")
	}
}

func TestKubernetesIdentity(t *testing.T) {
	root := fstest.MapFS{namespaceFile: {Data: []byte("payments\n")}}
	for name, tc := range map[string]struct {
		env  map[string]string
		want map[string]string
	}{
		"not a pod": {map[string]string{"HOSTNAME": "laptop"}, map[string]string{}},
		"a bare pod": {
			map[string]string{"HOSTNAME": "shop-7d9", "KUBERNETES_SERVICE_HOST": "10.0.0.1"},
			map[string]string{"k8s.pod.name": "shop-7d9", "k8s.namespace.name": "payments"},
		},
		"downward API": {
			map[string]string{"POD_NAME": "shop-0", "POD_NAMESPACE": "prod", "NODE_NAME": "n1", "POD_UID": "u1", "KUBERNETES_SERVICE_HOST": "10.0.0.1"},
			map[string]string{"k8s.pod.name": "shop-0", "k8s.namespace.name": "prod", "k8s.node.name": "n1", "k8s.pod.uid": "u1"},
		},
		"operator": {
			map[string]string{"OTEL_RESOURCE_ATTRIBUTES_POD_NAME": "shop-1", "OTEL_RESOURCE_ATTRIBUTES_NODE_NAME": "n2"},
			map[string]string{"k8s.pod.name": "shop-1", "k8s.node.name": "n2"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := attributes(kubernetes(func(k string) string { return tc.env[k] }, root))
			if len(got) != len(tc.want) {
				t.Errorf("got %v, want %v", got, tc.want)
			}
			for k, v := range tc.want {
				if got[k] != v {
					t.Errorf("%s is %q, want %q", k, got[k], v)
				}
			}
		})
	}
}

func TestContainerIDIsFoundWhereEnginesLeaveIt(t *testing.T) {
	id := strings.Repeat("0123456789abcdef", 4)
	for name, tc := range map[string]struct{ cgroup, mountinfo, want string }{
		"docker, v1":       {"4:memory:/docker/" + id + "\n", "", id},
		"kubernetes, v1":   {"1:name=systemd:/kubepods/burstable/pod1234/cri-containerd-" + id + ".scope\n", "", id},
		"systemd, v2":      {"0::/system.slice/docker-" + id + ".scope\n", "", id},
		"namespace, v2":    {"0::/\n", "473 456 8:1 /var/lib/docker/containers/" + id + "/hostname /etc/hostname rw - ext4 /dev/sda1 rw\n", id},
		"podman, v2":       {"0::/\n", "1 2 0:9 /containers/overlay-containers/" + id + "/userdata/hosts /etc/hosts rw - tmpfs tmpfs rw\n", id},
		"another's volume": {"0::/\n", "1 2 8:1 /volumes/" + id + "/_data /data rw - ext4 /dev/sda1 rw\n", ""},
		"session":          {"0::/user.slice/user-0.slice/session-3.scope\n", "", ""},
		"laptop":           {"0::/\n", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			root := fstest.MapFS{"proc/self/cgroup": {Data: []byte(tc.cgroup)}, "proc/self/mountinfo": {Data: []byte(tc.mountinfo)}}
			if got := attributes(container(root))["container.id"]; got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
	if container(fstest.MapFS{}) != nil {
		t.Error("a container was made up")
	}
}
