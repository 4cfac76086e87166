// SPDX-License-Identifier: Apache-2.0

//go:build e2e && linux

package e2e

import (
	"os"
	"os/exec"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// namespaced is set in the environment of a test that runs in a network of its own.
const namespaced = "CADDY_UPLOADCARE_NAMESPACED"

// inNamespace runs the test once more, in a network of its own that has a loopback
// interface alone, and reports whether this is that run. It takes root.
func inNamespace(t *testing.T) bool {
	t.Helper()
	if os.Getenv(namespaced) != "" {
		setLoopback(t, unix.SIOCSIFFLAGS, func(r *unix.Ifreq) { r.SetUint16(unix.IFF_UP | unix.IFF_RUNNING) })
		return true
	}
	command := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^"+t.Name()+"$", "-test.v")
	command.Env = append(os.Environ(), namespaced+"=1")
	command.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET}
	if output, err := command.CombinedOutput(); err != nil {
		t.Fatalf("in a network of its own, for which the test must be root: %v\n%s", err, output)
	}
	return false
}

// withoutIPv4 takes the IPv4 address of the loopback interface away. No other has one.
func withoutIPv4(t *testing.T) {
	t.Helper()
	setLoopback(t, unix.SIOCSIFADDR, func(r *unix.Ifreq) {
		if err := r.SetInet4Addr([]byte{0, 0, 0, 0}); err != nil {
			t.Fatal(err)
		}
	})
}

// setLoopback makes a request about the loopback interface to the kernel.
func setLoopback(t *testing.T, request uint, set func(*unix.Ifreq)) {
	t.Helper()
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Close(socket) }()
	loopback, err := unix.NewIfreq("lo")
	if err != nil {
		t.Fatal(err)
	}
	set(loopback)
	if err := unix.IoctlIfreq(socket, request, loopback); err != nil {
		t.Fatal(err)
	}
}
