// SPDX-License-Identifier: Apache-2.0

// Package test decodes the manifests as strictly as a server does that refuses unknown
// fields, and checks that what stands in several of them fits. It is a module of its own,
// so that no build of the gateway gets Kubernetes' types.
package test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
)

// manifests are all of them, decoded.
type manifests struct {
	deployment appsv1.Deployment
	service    corev1.Service
	config     corev1.ConfigMap
	budget     policyv1.PodDisruptionBudget
}

func (m *manifests) byName() map[string]any {
	return map[string]any{
		"deployment.yaml":          &m.deployment,
		"service.yaml":             &m.service,
		"configmap.yaml":           &m.config,
		"poddisruptionbudget.yaml": &m.budget,
	}
}

// decode is as strict as the server: it takes no key twice, none that the type does not
// have, and, other than encoding/json, none in other letters.
func decode(text string, into any) error {
	encoded, err := yaml.YAMLToJSONStrict([]byte(text))
	if err != nil {
		return err
	}
	unknown, err := json.UnmarshalStrict(encoded, into)
	return errors.Join(append(unknown, err)...)
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func load(t *testing.T) *manifests {
	t.Helper()
	m := new(manifests)
	for name, into := range m.byName() {
		if err := decode(read(t, name), into); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	return m
}

func (m *manifests) pod() *corev1.PodSpec { return &m.deployment.Spec.Template.Spec }

func (m *manifests) gateway() *corev1.Container { return &m.pod().Containers[0] }

func TestEveryManifestIsOfItsKind(t *testing.T) {
	files, err := filepath.Glob("../*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	m := load(t)
	if len(files) != len(m.byName()) {
		t.Errorf("there are %v, and not all are decoded", files)
	}
	for what, want := range map[metav1.TypeMeta]metav1.TypeMeta{
		m.deployment.TypeMeta: {Kind: "Deployment", APIVersion: appsv1.SchemeGroupVersion.String()},
		m.service.TypeMeta:    {Kind: "Service", APIVersion: corev1.SchemeGroupVersion.String()},
		m.config.TypeMeta:     {Kind: "ConfigMap", APIVersion: corev1.SchemeGroupVersion.String()},
		m.budget.TypeMeta:     {Kind: "PodDisruptionBudget", APIVersion: policyv1.SchemeGroupVersion.String()},
	} {
		if what != want {
			t.Errorf("got %v, want %v", what, want)
		}
	}
}

// The decoding is strict, or it would show nothing.
func TestATypoIsAnError(t *testing.T) {
	text := read(t, "deployment.yaml")
	for right, wrong := range map[string]string{
		"readOnlyRootFilesystem":        "readOnlyRootFileSystem",
		"terminationGracePeriodSeconds": "terminationGracePeriod",
		"replicas: 2":                   "replicas: two",
		"maxSurge: 1":                   "maxSurge: 1\n      maxSurge: 2",
	} {
		if !strings.Contains(text, right) {
			t.Fatalf("there is no %s", right)
		}
		if err := decode(strings.Replace(text, right, wrong, 1), new(appsv1.Deployment)); err == nil {
			t.Errorf("%s is accepted", wrong)
		}
	}
}

// What the Pod Security Standard "restricted" asks for, and a read-only file system.
func TestThePodIsRestricted(t *testing.T) {
	m := load(t)
	pod, container := m.pod().SecurityContext, m.gateway().SecurityContext
	for what, kept := range map[string]bool{
		"runAsNonRoot":             *pod.RunAsNonRoot && *pod.RunAsUser > 0 && *pod.RunAsGroup > 0,
		"seccompProfile":           pod.SeccompProfile.Type == corev1.SeccompProfileTypeRuntimeDefault,
		"allowPrivilegeEscalation": !*container.AllowPrivilegeEscalation,
		"capabilities":             len(container.Capabilities.Add) == 0 && len(container.Capabilities.Drop) == 1 && container.Capabilities.Drop[0] == "ALL",
		"readOnlyRootFilesystem":   *container.ReadOnlyRootFilesystem,
		"no token of the cluster":  !*m.pod().AutomountServiceAccountToken,
		"one container":            len(m.pod().Containers) == 1 && len(m.pod().InitContainers) == 0,
		"memory is limited":        !m.gateway().Resources.Limits.Memory().IsZero(),
	} {
		if !kept {
			t.Errorf("not kept: %s", what)
		}
	}
	for _, volume := range m.pod().Volumes {
		if volume.ConfigMap == nil && volume.Secret == nil && volume.EmptyDir == nil {
			t.Errorf("the volume %s is of a kind that is not allowed", volume.Name)
		}
	}
}

// Selectors, ports and volumes find what they name.
func TestNamesFit(t *testing.T) {
	m := load(t)
	labels := m.deployment.Spec.Template.Labels
	for what, selector := range map[string]map[string]string{
		"deployment": m.deployment.Spec.Selector.MatchLabels, "service": m.service.Spec.Selector, "budget": m.budget.Spec.Selector.MatchLabels,
	} {
		for key, value := range selector {
			if labels[key] != value {
				t.Errorf("%s: no pod has %s=%s", what, key, value)
			}
		}
	}
	ports := map[string]int32{}
	for _, port := range m.gateway().Ports {
		ports[port.Name] = port.ContainerPort
	}
	for _, port := range m.service.Spec.Ports {
		if ports[port.TargetPort.StrVal] != 8080 {
			t.Errorf("the service's port %s leads to %s", port.Name, port.TargetPort.String())
		}
	}
	volumes := map[string]bool{}
	for _, volume := range m.pod().Volumes {
		volumes[volume.Name] = true
		if volume.ConfigMap != nil && volume.ConfigMap.Name != m.config.Name {
			t.Errorf("there is no ConfigMap %s", volume.ConfigMap.Name)
		}
	}
	for _, mount := range m.gateway().VolumeMounts {
		if !volumes[mount.Name] || mount.SubPath != "" {
			t.Errorf("the mount %s", mount.Name)
		}
	}
	if int(*m.deployment.Spec.Replicas) <= m.budget.Spec.MaxUnavailable.IntValue() {
		t.Error("a drain may take every pod away")
	}
}
