// SPDX-License-Identifier: Apache-2.0

package command_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/command"
)

// asAnotherUser calls f without the rights of root, if the test has them. On Linux, each thread
// has its own users.
func asAnotherUser(t *testing.T, f func()) {
	t.Helper()
	if os.Geteuid() != 0 {
		f()
		return
	}
	const keep, other, root = ^uintptr(0), 65534, 0
	runtime.LockOSThread()
	if _, _, errno := syscall.RawSyscall(syscall.SYS_SETRESUID, other, other, keep); errno != 0 {
		t.Fatal(errno) // the thread ends with the test, which is locked to it
	}
	f()
	if _, _, errno := syscall.RawSyscall(syscall.SYS_SETRESUID, root, root, keep); errno != 0 {
		t.Fatal(errno)
	}
	runtime.UnlockOSThread()
}

// Caddy may run as another user, and a service manager may make the directory for it.
func TestALogThatThisUserMayNotWriteIsAWarning(t *testing.T) {
	configs, directory := t.TempDir(), t.TempDir()
	file := filepath.Join(directory, "caddy.log")
	if err := os.WriteFile(file, nil, 0o400); err != nil {
		t.Fatal(err)
	}
	closed := filepath.Join(directory, "closed")
	if err := os.Mkdir(closed, 0); err != nil {
		t.Fatal(err)
	}
	// Users other than root may enter the directory, and may make no file in it.
	for path, mode := range map[string]os.FileMode{filepath.Dir(directory): 0o755, directory: 0o555} {
		if err := os.Chmod(path, mode); err != nil { //nolint:gosec // of the test alone
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { _ = os.Chmod(directory, 0o700) }) //nolint:gosec // or it could not be removed
	for name, test := range map[string]struct{ path, verdict, text string }{
		"a file":                              {file, "warning", "the log default may not be written by the user that runs this check: open " + file + ": permission denied"},
		"a file that is not there":            {directory + "/new.log", "warning", "making a file in " + directory + ": permission denied"},
		"a directory that is not there":       {directory + "/logs/new/caddy.log", "warning", "making a file in " + directory + ": permission denied"},
		"a directory that may not be entered": {closed + "/caddy.log", "warning", "permission denied"},
		"a directory in the place of a file":  {directory, "failed", "it does not load: the log default: open " + directory + ": is a directory"},
		"a file in the place of a directory":  {file + "/caddy.log", "failed", "not a directory"},
	} {
		t.Run(name, func(t *testing.T) {
			config := filepath.Join(configs, strings.ReplaceAll(name, " ", "-")+".json")
			text := fmt.Sprintf(`{"admin":{"disabled":true},"logging":{"logs":{"default":{"writer":{"output":"file","filename":%q}}}}}`, test.path)
			if err := os.WriteFile(config, []byte(text), 0o644); err != nil { //nolint:gosec // another user reads it
				t.Fatal(err)
			}
			asAnotherUser(t, func() {
				output, code, err := command.RunCheck(t, "--config", config)
				failed := test.verdict == "failed"
				if err != nil || (code == 2) != failed || strings.Contains(output, "it loads") == failed {
					t.Errorf("exit code %d, %v\n%s", code, err, output)
				}
				if !strings.HasPrefix(output, test.verdict) || !strings.Contains(output, test.text) {
					t.Errorf("want %s: %q, got\n%s", test.verdict, test.text, output)
				}
			})
		})
	}
}
