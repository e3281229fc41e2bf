package e2e

import (
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

const (
	kubernetes          = "../deploy/kubernetes/base"
	kubernetesWithKafka = "../deploy/kubernetes/kafka"
)

// manifests are what `kubectl apply -k` sends, by the API's own types.
type manifests struct {
	namespaces  []*corev1.Namespace
	deployments []*appsv1.Deployment
	daemonSets  []*appsv1.DaemonSet
	sets        []*appsv1.StatefulSet
	services    []*corev1.Service
	configMaps  []*corev1.ConfigMap
	budgets     []*policyv1.PodDisruptionBudget
	policies    []*networkingv1.NetworkPolicy
}

// loadManifests builds the folder as kubectl does. A key that the API does not
// know fails the test, and so does a kind that is not expected here: a PodMonitor,
// say, which needs an operator.
func loadManifests(t *testing.T, folder string) (m manifests) {
	t.Helper()
	all, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range all.Resources() {
		text, err := r.AsYAML()
		if err != nil {
			t.Fatal(err)
		}
		switch kind := r.GetGvk().ApiVersion() + " " + r.GetKind(); kind {
		case "v1 Namespace":
			m.namespaces = append(m.namespaces, strictly[corev1.Namespace](t, text))
		case "apps/v1 Deployment":
			m.deployments = append(m.deployments, strictly[appsv1.Deployment](t, text))
		case "apps/v1 DaemonSet":
			m.daemonSets = append(m.daemonSets, strictly[appsv1.DaemonSet](t, text))
		case "apps/v1 StatefulSet":
			m.sets = append(m.sets, strictly[appsv1.StatefulSet](t, text))
		case "v1 Service":
			m.services = append(m.services, strictly[corev1.Service](t, text))
		case "v1 ConfigMap":
			m.configMaps = append(m.configMaps, strictly[corev1.ConfigMap](t, text))
		case "policy/v1 PodDisruptionBudget":
			m.budgets = append(m.budgets, strictly[policyv1.PodDisruptionBudget](t, text))
		case "networking.k8s.io/v1 NetworkPolicy":
			m.policies = append(m.policies, strictly[networkingv1.NetworkPolicy](t, text))
		default:
			t.Errorf("%s %s is not expected", kind, r.GetName())
		}
	}
	return m
}

func strictly[T any](t *testing.T, text []byte) *T {
	t.Helper()
	v := new(T)
	if err := yaml.UnmarshalStrict(text, v); err != nil {
		t.Errorf("%v in\n%s", err, text)
	}
	return v
}

// workload is a pod template and what stands around it.
type workload struct {
	name, namespace string
	pod             corev1.PodTemplateSpec
	selected        map[string]string
}

func (m manifests) workloads() (all []workload) {
	for _, d := range m.deployments {
		all = append(all, workload{d.Name, d.Namespace, d.Spec.Template, d.Spec.Selector.MatchLabels})
	}
	for _, d := range m.daemonSets {
		all = append(all, workload{d.Name, d.Namespace, d.Spec.Template, d.Spec.Selector.MatchLabels})
	}
	for _, s := range m.sets {
		all = append(all, workload{s.Name, s.Namespace, s.Spec.Template, s.Spec.Selector.MatchLabels})
	}
	return all
}

func (m manifests) workload(t *testing.T, name string) workload {
	t.Helper()
	w, ok := find(m.workloads(), func(w workload) bool { return w.name == name })
	if !ok {
		t.Fatalf("no %s", name)
	}
	return w
}

func (w workload) container() corev1.Container { return w.pod.Spec.Containers[0] }

// port is the number that a probe or a service means.
func (w workload) port(name string) int32 {
	p, _ := find(w.container().Ports, func(p corev1.ContainerPort) bool { return p.Name == name })
	return p.ContainerPort
}

// environ is what the kubelet gives to the container, with the downward API's
// answers taken from the map and $(NAME) filled in from what stands before.
func (w workload) environ(t *testing.T, downward map[string]string) (env []string) {
	t.Helper()
	var pairs []string
	for _, v := range w.container().Env {
		value := strings.NewReplacer(pairs...).Replace(v.Value)
		if from := v.ValueFrom; from != nil {
			asked := ""
			if from.FieldRef != nil {
				asked = from.FieldRef.FieldPath
			} else if from.ResourceFieldRef != nil {
				asked = from.ResourceFieldRef.Resource
			}
			known := false
			if value, known = downward[asked]; !known {
				t.Errorf("%s asks for %q", v.Name, asked)
			}
		}
		if strings.Contains(value, "$(") {
			t.Errorf("%s=%s names what is not defined before it", v.Name, value)
		}
		pairs = append(pairs, "$("+v.Name+")", value)
		env = append(env, v.Name+"="+value)
	}
	return env
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// downward is what the downward API tells a pod.
func downward(mib int64) map[string]string {
	return map[string]string{
		"metadata.name": "orders-6c9f-x2x7k", "metadata.namespace": "shop", "metadata.uid": "0f1e2d3c-aaaa-bbbb-cccc-0123456789ab",
		"spec.nodeName": "node-7", "status.hostIP": "127.0.0.1", "limits.memory": itoa(mib),
	}
}

// TestManifests: what both folders make is of the API's types, consistent in
// itself, and no more than it needs.
func TestManifests(t *testing.T) {
	t.Parallel()
	for _, folder := range []string{kubernetes, kubernetesWithKafka} {
		m := loadManifests(t, folder)
		if len(m.workloads()) != 3 || len(m.services) != 2 || len(m.configMaps) != 2 || len(m.budgets) != 2 || len(m.policies) != 1 {
			t.Errorf("%s makes %d workloads, %d services, %d maps, %d budgets and %d policies",
				folder, len(m.workloads()), len(m.services), len(m.configMaps), len(m.budgets), len(m.policies))
		}
		for _, w := range m.workloads() {
			checkWorkload(t, m, w)
		}
		for _, s := range m.services {
			w := m.workload(t, s.Name)
			checkSelects(t, "Service", w, s.Namespace, s.Spec.Selector)
			for _, p := range s.Spec.Ports {
				if w.port(p.TargetPort.String()) == 0 {
					t.Errorf("the Service %s leads to the port %s, which %s has not", s.Name, p.TargetPort.String(), w.name)
				}
			}
		}
		for _, b := range m.budgets {
			checkSelects(t, "PodDisruptionBudget", m.workload(t, b.Name), b.Namespace, b.Spec.Selector.MatchLabels)
		}
		for _, p := range m.policies {
			checkSelects(t, "NetworkPolicy", m.workload(t, p.Name), p.Namespace, p.Spec.PodSelector.MatchLabels)
			for _, from := range p.Spec.Ingress[0].From {
				checkSelects(t, "NetworkPolicy", m.workload(t, "otelcol-agent"), p.Namespace, from.PodSelector.MatchLabels)
			}
		}
		if gateway := m.sets[0]; gateway.Spec.ServiceName != m.serviceOf(t, gateway.Name).Name || m.serviceOf(t, gateway.Name).Spec.ClusterIP != corev1.ClusterIPNone {
			t.Errorf("%s is behind %s, which must be headless: the agents ask DNS for each gateway", gateway.Name, gateway.Spec.ServiceName)
		}
	}
}

func (m manifests) serviceOf(t *testing.T, name string) *corev1.Service {
	t.Helper()
	s, ok := find(m.services, func(s *corev1.Service) bool { return s.Name == name })
	if !ok {
		t.Fatalf("no service %s", name)
	}
	return s
}

func checkSelects(t *testing.T, what string, w workload, namespace string, labels map[string]string) {
	t.Helper()
	if namespace != w.namespace || len(labels) == 0 {
		t.Errorf("the %s of %s is in %s and selects %v", what, w.name, namespace, labels)
	}
	for k, v := range labels {
		if w.pod.Labels[k] != v {
			t.Errorf("the %s of %s selects %s=%s, its pods have %v", what, w.name, k, v, w.pod.Labels)
		}
	}
}

func checkWorkload(t *testing.T, m manifests, w workload) {
	t.Helper()
	checkSelects(t, "selector", w, w.namespace, w.selected)
	if !slices.ContainsFunc(m.namespaces, func(n *corev1.Namespace) bool { return n.Name == w.namespace }) {
		t.Errorf("%s is in the namespace %q", w.name, w.namespace)
	}
	c, pod := w.container(), w.pod.Spec
	if _, version, _ := strings.Cut(c.Image, ":"); version == "" || version == "latest" {
		t.Errorf("the image %s is not pinned", c.Image)
	}
	if s := pod.SecurityContext; s == nil || !*s.RunAsNonRoot || s.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault || *pod.AutomountServiceAccountToken {
		t.Errorf("%s may do more than it needs: %+v", w.name, s)
	}
	if s := c.SecurityContext; s == nil || *s.AllowPrivilegeEscalation || !*s.ReadOnlyRootFilesystem || !slices.Contains(s.Capabilities.Drop, "ALL") {
		t.Errorf("%s may do more than it needs: %+v", w.name, s)
	}
	if c.Resources.Limits.Memory().IsZero() || c.Resources.Requests.Memory().IsZero() || c.Resources.Requests.Cpu().IsZero() {
		t.Errorf("%s asks for %v", w.name, c.Resources)
	}
	mib := c.Resources.Limits.Memory().Value() >> 20
	env := w.environ(t, downward(mib))
	for kind, p := range map[string]*corev1.Probe{"readiness": c.ReadinessProbe, "liveness": c.LivenessProbe} {
		if p == nil || w.port(p.HTTPGet.Port.String()) == 0 {
			t.Errorf("%s has no %s probe of a port of its own: %+v", w.name, kind, p)
		}
	}
	for _, mount := range c.VolumeMounts {
		named := func(v corev1.Volume) bool { return v.Name == mount.Name }
		if !slices.ContainsFunc(pod.Volumes, named) && !slices.ContainsFunc(m.claims(w.name), func(name string) bool { return name == mount.Name }) {
			t.Errorf("%s mounts %s, which is no volume", w.name, mount.Name)
		}
	}
	collector := false
	for _, v := range pod.Volumes {
		if v.ConfigMap == nil {
			continue
		}
		collector = true
		config, ok := find(m.configMaps, func(c *corev1.ConfigMap) bool { return c.Name == v.ConfigMap.Name && c.Namespace == w.namespace })
		if !ok {
			t.Errorf("%s mounts the ConfigMap %s, which there is not", w.name, v.ConfigMap.Name)
			continue
		}
		for _, arg := range c.Args {
			if path.Dir(strings.TrimPrefix(arg, "--config=")) != c.VolumeMounts[0].MountPath || config.Data[path.Base(arg)] == "" {
				t.Errorf("%s reads %s; its ConfigMap, mounted at %s, has %v", w.name, arg, c.VolumeMounts[0].MountPath, slices.Sorted(maps.Keys(config.Data)))
			}
			checkVariables(t, w.name, env, config.Data[path.Base(arg)])
		}
		checkHeap(t, w.name, env, config.Data["collector.yaml"], mib)
	}
	if want := "GOMEMLIMIT=" + itoa(mib*1_000_000); !collector && !slices.Contains(env, want) {
		t.Errorf("%s: %q; want %s, which is 95 %% of its limit", w.name, env, want)
	}
}

// checkVariables: what has no default, or one that is of a Collector with everything on
// one machine, is in the environment.
func checkVariables(t *testing.T, name string, env []string, config string) {
	t.Helper()
	for _, m := range regexp.MustCompile(`\$\{env:(\w+)(?::-([^}]*))?}`).FindAllStringSubmatch(config, -1) {
		set := slices.ContainsFunc(env, func(v string) bool { return strings.HasPrefix(v, m[1]+"=") })
		if !set && (m[2] == "" || strings.Contains(m[2], "127.0.0.1")) {
			t.Errorf("%s has no %s, and would use %q", name, m[1], m[2])
		}
	}
}

// checkHeap: a container of so many MiB is larger than the memory limiter lets the heap
// become, and garbage is collected before anything is refused for it.
func checkHeap(t *testing.T, name string, env []string, config string, mib int64) {
	t.Helper()
	var c struct {
		Processors struct {
			Limiter struct {
				MiB          int64 `json:"limit_mib"`
				SpikeMiB     int64 `json:"spike_limit_mib"`
				Percent      int64 `json:"limit_percentage"`
				SpikePercent int64 `json:"spike_limit_percentage"`
			} `json:"memory_limiter"`
		}
	}
	if err := yaml.Unmarshal([]byte(config), &c); err != nil {
		t.Fatal(err)
	}
	l := c.Processors.Limiter
	hard, soft := l.MiB, l.MiB-l.SpikeMiB
	if l.Percent > 0 {
		hard, soft = mib*l.Percent/100, mib*(l.Percent-l.SpikePercent)/100
	}
	if hard == 0 || hard > mib*85/100 {
		t.Errorf("%s: the heap may become %d of %d MiB", name, hard, mib)
	}
	set, _ := find(env, func(v string) bool { return strings.HasPrefix(v, "GOMEMLIMIT=") })
	collects, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimPrefix(set, "GOMEMLIMIT="), "MiB"), 10, 64)
	if err != nil || collects > soft || collects < soft*9/10 {
		t.Errorf("%s: %q; want not more than %d MiB, at which the memory limiter refuses, and nine tenths of it", name, set, soft)
	}
}

func (m manifests) claims(set string) (names []string) {
	for _, s := range m.sets {
		for _, c := range s.Spec.VolumeClaimTemplates {
			if s.Name == set {
				names = append(names, c.Name)
			}
		}
	}
	return names
}
