// SPDX-License-Identifier: Apache-2.0

package option

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"strings"

	"github.com/caddyserver/caddy/v2"
)

const (
	environmentPrefix = "env."
	filePrefix        = "file."
	// maxFileSize is the size of the largest file that Caddy's replacer reads whole.
	maxFileSize = 1 << 20
)

// shownName matches the name of a placeholder that may be shown: no part of it is likely
// to be a secret that happens to have braces.
var shownName = regexp.MustCompile(`^[a-z_]+\.[\w./\\: -]+$`)

// namedPlaceholder matches a value that is a single placeholder of a variable or file, so
// that no part of it can be a secret.
var namedPlaceholder = regexp.MustCompile(`^\{(env|file)\.[^{}]+\}$`)

// Resolve replaces the placeholders in the value of an option when the configuration is
// loaded. An unknown or empty placeholder, or an empty result, is an error that names the
// option, the placeholder and the cause. It quotes nothing else of the value.
func Resolve(option, value string) (string, error) {
	for _, name := range Placeholders(value) {
		if err := checkPlaceholder(name); err != nil {
			return "", fmt.Errorf("%s: %w", option, err)
		}
	}
	resolved, err := caddy.NewReplacer().ReplaceOrErr(value, true, true)
	switch {
	case err != nil && namedPlaceholder.MatchString(value): // a file that is empty but for a line end
		return "", fmt.Errorf("%s: %s is not set or empty", option, value)
	case err != nil:
		return "", fmt.Errorf("%s: it holds a placeholder that is unknown or empty", option)
	case resolved == "":
		return "", fmt.Errorf("%s is empty", option)
	}
	return resolved, nil
}

// checkPlaceholder returns an error if a placeholder has no value when the configuration
// is loaded, with the cause.
func checkPlaceholder(name string) error {
	if !shownName.MatchString(name) {
		return nil // Resolve has an error that does not show it
	}
	if path, ok := strings.CutPrefix(name, filePrefix); ok {
		return checkFile(name, path)
	}
	variable, ok := strings.CutPrefix(name, environmentPrefix)
	switch {
	case ok && os.Getenv(variable) == "":
		return fmt.Errorf("{%s} is not set or empty: the variable %s must be in the environment of the process that runs Caddy", name, variable)
	case ok:
		return nil
	}
	if _, known := caddy.NewReplacer().Get(name); known {
		return nil
	}
	return fmt.Errorf("{%s} is unknown when the config is loaded; did you mean {env.NAME}, or {file./path/to/file}?", name)
}

// checkFile returns an error if a file cannot be read, or is empty.
func checkFile(name, path string) error {
	info, err := os.Stat(path)
	if err == nil && !info.IsDir() && info.Size() > 0 {
		var file *os.File
		if file, err = os.Open(path); err == nil { //nolint:gosec // the operator names it
			_ = file.Close()
		}
	}
	hint := ""
	if !strings.ContainsAny(path, `/\\`) {
		hint = "; did you mean {file./path/to/" + path + "}?"
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("{%s}: there is no such file%s", name, hint)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("{%s}: the file cannot be read: permission denied to the user that runs Caddy", name)
	case err != nil:
		return fmt.Errorf("{%s}: the file cannot be read: %w", name, err)
	case info.IsDir():
		return fmt.Errorf("{%s}: it is a directory, and not a file", name)
	case info.Size() == 0:
		return fmt.Errorf("{%s}: the file is empty", name)
	case info.Size() > maxFileSize:
		return fmt.Errorf("{%s}: the file is larger than %d bytes", name, maxFileSize)
	}
	return nil
}
