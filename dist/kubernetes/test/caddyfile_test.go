// SPDX-License-Identifier: Apache-2.0

package test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
)

const secretPath = "/run/secrets/uploadcare/secret_key"

// caddy returns a command of the binary under test, which CADDY names.
func caddy(t *testing.T, arguments ...string) *exec.Cmd {
	t.Helper()
	binary := os.Getenv("CADDY")
	if binary == "" {
		t.Fatal("CADDY names no binary: run ./xcaddy.sh, and set it to the path of ./caddy")
	}
	command := exec.CommandContext(t.Context(), binary, arguments...)
	home := t.TempDir()
	command.Env = []string{"HOME=" + home, "UPLOADCARE_PUBLIC_KEY=demopublickey"}
	return command
}

// caddyfile writes the ConfigMap's Caddyfile, with what is different outside of a pod
// replaced, and returns its path.
func caddyfile(t *testing.T, replaced ...string) string {
	t.Helper()
	text := load(t).config.Data["Caddyfile"]
	secret := filepath.Join(t.TempDir(), "secret_key")
	if err := os.WriteFile(secret, []byte("demosecretkey"), 0o600); err != nil {
		t.Fatal(err)
	}
	replaced = append(replaced, secretPath, secret)
	for i := 0; i < len(replaced); i += 2 {
		if !strings.Contains(text, replaced[i]) {
			t.Fatalf("there is no %s in the Caddyfile", replaced[i])
		}
	}
	path := filepath.Join(t.TempDir(), "Caddyfile")
	if err := os.WriteFile(path, []byte(strings.NewReplacer(replaced...).Replace(text)), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestTheCaddyfileIsValid(t *testing.T) {
	if output, err := caddy(t, "validate", "--config", caddyfile(t)).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, output)
	}
	if output, err := caddy(t, "fmt", "--diff", caddyfile(t)).CombinedOutput(); err != nil {
		t.Errorf("it is not formatted: %v\n%s", err, output)
	}
}

// The key's file is where the Deployment mounts it, readable for the pod's group.
func TestTheSecretIsWhereTheCaddyfileReadsIt(t *testing.T) {
	m := load(t)
	for _, mount := range m.gateway().VolumeMounts {
		for _, volume := range m.pod().Volumes {
			if mount.Name == volume.Name && volume.Secret != nil && len(volume.Secret.Items) == 1 &&
				mount.MountPath+"/"+volume.Secret.Items[0].Path == secretPath && *volume.Secret.DefaultMode == 0o440 && *m.pod().SecurityContext.FSGroup > 0 {
				return
			}
		}
	}
	t.Errorf("nothing is mounted at %s", secretPath)
}

// times are those of the Caddyfile, as Caddy reads them.
func times(t *testing.T) (delay, grace time.Duration) {
	t.Helper()
	adapted, err := caddy(t, "adapt", "--config", caddyfile(t)).Output()
	if err != nil {
		t.Fatal(err)
	}
	var config struct {
		Apps struct {
			HTTP struct {
				Delay time.Duration `json:"shutdown_delay"`
				Grace time.Duration `json:"grace_period"`
			} `json:"http"`
		} `json:"apps"`
	}
	if err := json.Unmarshal(adapted, &config); err != nil {
		t.Fatal(err)
	}
	return config.Apps.HTTP.Delay, config.Apps.HTTP.Grace
}

// failing is how long a probe takes at most to notice.
func failing(probe *corev1.Probe) time.Duration {
	return time.Duration(probe.PeriodSeconds*probe.FailureThreshold+probe.TimeoutSeconds) * time.Second
}

func TestTimesAddUp(t *testing.T) {
	m := load(t)
	delay, grace := times(t)
	total := time.Duration(*m.pod().TerminationGracePeriodSeconds) * time.Second
	const margin = 10 * time.Second // for Caddy to end, and the kubelet to notice
	if delay <= 0 || grace <= 0 || delay+grace+margin > total {
		t.Errorf("delay %s and grace %s do not fit in %s", delay, grace, total)
	}
	ready, live, start := m.gateway().ReadinessProbe, m.gateway().LivenessProbe, m.gateway().StartupProbe
	if failing(ready) > delay {
		t.Errorf("a pod that stops is known as not ready after %s, and serves for %s", failing(ready), delay)
	}
	if failing(live) < 2*failing(ready) || failing(live) < time.Minute {
		t.Errorf("a pod is restarted after %s, when it has been not ready for %s", failing(live), failing(ready))
	}
	if failing(start) < 30*time.Second {
		t.Errorf("a pod has only %s to start", failing(start))
	}
	for _, probe := range []*corev1.Probe{ready, live, start} {
		if probe.TimeoutSeconds > probe.PeriodSeconds {
			t.Errorf("%s: a probe begins before the last one ends", probe.HTTPGet.Path)
		}
	}
}

// freePort returns a port on which nothing listens.
func freePort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// The probes, the scraper and the Service reach what they ask for, and only that.
func TestProbesOfTheRunningGateway(t *testing.T) {
	m := load(t)
	ports := map[string]string{"http": freePort(t), "internal": freePort(t)}
	replaced := []string{"shutdown_delay 15s", "admin off\n\tshutdown_delay 15s"}
	for _, port := range m.gateway().Ports {
		replaced = append(replaced, fmt.Sprintf(":%d {", port.ContainerPort), ":"+ports[port.Name]+" {\n\tbind 127.0.0.1")
	}
	command := caddy(t, "run", "--config", caddyfile(t, replaced...))
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	})
	status := func(port, path string) int {
		response, err := http.Get("http://127.0.0.1:" + ports[port] + path)
		if err != nil {
			return 0
		}
		_ = response.Body.Close()
		return response.StatusCode
	}
	for range 500 {
		if status("internal", "/metrics") != 0 && status("http", "/") != 0 {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	for _, probe := range []*corev1.Probe{m.gateway().ReadinessProbe, m.gateway().LivenessProbe, m.gateway().StartupProbe} {
		if got := status(probe.HTTPGet.Port.StrVal, probe.HTTPGet.Path); got != http.StatusOK {
			t.Errorf("%s responds with %d", probe.HTTPGet.Path, got)
		}
	}
	annotations := m.deployment.Spec.Template.Annotations
	if got := status("internal", "/metrics"); got != http.StatusOK || annotations["prometheus.io/port"] != "9180" {
		t.Errorf("the metrics respond with %d", got)
	}
}
