// SPDX-License-Identifier: Apache-2.0

package command_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/command"
)

// A config that Caddy refuses for its logs does not load.
func TestLogsThatKeepCaddyFromStartingAreFound(t *testing.T) {
	directory := t.TempDir()
	file := write(t, "caddy.log", "a line\n")
	site := siteOf("https://upload.uploadcare.com", "secret_key "+canary)
	global := func(log string) string {
		return "{\n\tadmin off\n\tstorage file_system " + directory + "\n\tlog {\n\t\t" + log + "\n\t}\n}\n" + site
	}
	for name, test := range map[string]struct{ caddyfile, verdict, text, remedy string }{
		"a file that is there":            {global("output file " + file), "ok", "it loads", ""},
		"a file that is not there yet":    {global("output file " + directory + "/logs/new/caddy.log"), "ok", "it loads", ""},
		"a device":                        {global("output file /dev/null"), "ok", "it loads", ""},
		"a file that is a directory":      {global("output file " + directory), "failed", "the log default: open " + directory + ": is a directory", "must be that of a file"},
		"a file in a file":                {global("output file " + file + "/caddy.log"), "failed", "not a directory", "must be that of a file"},
		"a file far down in a file":       {global("output file " + file + "/logs/caddy.log"), "failed", "not a directory", "must be that of a file"},
		"a file of an unknown name":       {global("output file {env.NOT_SET_IN_TEST}/{unknown.placeholder}"), "failed", "invalid filename for log file", "`output`"},
		"an access log in a directory":    {strings.Replace(site, "{\n", "{\n\tlog {\n\t\toutput file "+directory+"\n\t}\n", 1), "failed", "the log log0: open " + directory + ": is a directory", "must be that of a file"},
		"an encoder that does not load":   {global("format filter {\n\t\t\tfields {\n\t\t\t\turi regexp [ x\n\t\t\t}\n\t\t}"), "failed", "loading log encoder module", "docs/errors.md"},
		"a level that is none":            {global("level loud"), "failed", "unrecognized log level: loud", "docs/errors.md"},
		"a level that is none, elsewhere": {strings.Replace(site, "{\n", "{\n\tlog {\n\t\tlevel loud\n\t}\n", 1), "failed", "setting up custom log 'log0': unrecognized log level: loud", "docs/errors.md"},
	} {
		t.Run(name, func(t *testing.T) {
			all, code := check(t, test.caddyfile, "--offline")
			matched := false
			for _, one := range all {
				matched = matched || one.Check == "config" && one.Verdict == test.verdict && strings.Contains(one.Text, test.text) && strings.Contains(one.Remedy, test.remedy)
				if test.verdict == "failed" && strings.HasPrefix(one.Text, "it loads") {
					t.Errorf("got %+v", one)
				}
			}
			if !matched || (test.verdict == "failed") != (code == 2) {
				t.Errorf("exit code %d, %+v", code, all)
			}
		})
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != "a line\n" {
		t.Errorf("the log has become %q, %v", got, err)
	}
	if _, err := os.Stat(filepath.Join(directory, "logs")); !os.IsNotExist(err) {
		t.Errorf("the directory of a log was made: %v", err)
	}
}

// Rights are those of the user that runs the check. What a path is, it is for each user.
func TestOnlyMissingRightsToALogAreAWarning(t *testing.T) {
	for errno, want := range map[syscall.Errno]string{
		syscall.EACCES:  "warning",
		syscall.EPERM:   "warning",
		syscall.EROFS:   "warning", // a service manager often mounts for one service
		syscall.EISDIR:  "failed",
		syscall.ENOTDIR: "failed",
	} {
		err := fmt.Errorf("making a file: %w", &fs.PathError{Op: "open", Path: "/caddy.log", Err: errno})
		if got := command.LogVerdict(err); got != want {
			t.Errorf("%v: got %s, want %s", errno, got, want)
		}
	}
}

// Caddy refuses a config with an option that there is not, wherever it stands.
func TestAnUnknownOptionBesideTheAppsIsFound(t *testing.T) {
	for config, want := range map[string]int{
		`{"admin":{"disabled":true},"apps":{"http":{}}}`:                  0,
		`{"admin":{"disabled":true},"apps":{"http":{}},"logs":{}}`:        2,
		`{"admin":{"disabled":true},"logging":{"log":{}}}`:                2,
		`{"admin":{"disabled":true},"apps":{"http":{}},"@id":"a config"}`: 0,
	} {
		output, code, err := command.RunCheck(t, "--config", write(t, "caddy.json", config))
		if err != nil || code != want || strings.Contains(output, "unknown field") != (want == 2) {
			t.Errorf("%s: exit code %d, %v\n%s", config, code, err, output)
		}
	}
}
