// SPDX-License-Identifier: Apache-2.0

package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/logging"
)

// checkLogs returns a finding for each log whose output cannot be loaded, or whose file cannot
// be written. Caddy does not start then, nor take the config. No output is opened: what has
// been written to a log file would be the running Caddy's, and so would a file that is new.
func checkLogs(config []byte) (findings []finding) {
	var raw struct {
		Logging *caddy.Logging `json:"logging"`
	}
	if json.Unmarshal(caddy.RemoveMetaFields(config), &raw) != nil || raw.Logging == nil {
		return nil // loading the config reports the error
	}
	ctx, cancel := caddy.NewContext(caddy.Context{Context: context.Background()})
	defer cancel()
	check := func(name string, output json.RawMessage) {
		if err := checkOutput(ctx, output); err != nil {
			findings = append(findings, logError(name, err))
		}
	}
	if raw.Logging.Sink != nil {
		check("sink", raw.Logging.Sink.WriterRaw)
	}
	for _, name := range slices.Sorted(maps.Keys(raw.Logging.Logs)) {
		if log := raw.Logging.Logs[name]; log != nil {
			check(name, log.WriterRaw)
		}
	}
	return findings
}

// logError is the finding on a log whose output is wrong. What this process may do says little
// about Caddy's, which often runs as another user, in a directory that a service manager makes.
func logError(name string, err error) finding {
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
		return finding{"config", "", warning, fmt.Sprintf("the log %s may not be written by the user that runs this check: %v", name, err), "Caddy does not start unless the user that runs it may write there: run the check as that user, or see to it that it may"}
	}
	return finding{"config", "", failed, fmt.Sprintf("it does not load: the log %s: %v", name, err), "check the `output` of that log: its path must be that of a file, and its options must load"}
}

// checkOutput loads the output of a log, and looks whether its file may be written, if it has one.
func checkOutput(ctx caddy.Context, raw json.RawMessage) error {
	if len(raw) == 0 {
		return nil // standard error
	}
	var module struct {
		Output string `json:"output"`
	}
	if err := json.Unmarshal(raw, &module); err != nil {
		return err
	}
	config, err := withoutKey(raw, "output")
	if err != nil {
		return err
	}
	output, err := ctx.LoadModuleByID("caddy.logging.writers."+module.Output, config)
	if err != nil {
		return err
	}
	if file, ok := output.(*logging.FileWriter); ok {
		return checkWritable(file.Filename)
	}
	return nil
}

// checkWritable returns an error if a file may not be written, or not be made. It makes none.
func checkWritable(path string) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return checkDirectory(filepath.Dir(path))
	case err != nil:
		return err
	// A pipe has a reader that would see it opened, and opening it may wait for one.
	case !info.Mode().IsRegular() && !info.IsDir():
		return nil
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0) //nolint:gosec // the config names it
	if err != nil {
		return err
	}
	return file.Close()
}

// checkDirectory returns an error if no file may be made in a directory, or in the one above
// it in which it would be made.
func checkDirectory(path string) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && filepath.Dir(path) != path:
		return checkDirectory(filepath.Dir(path))
	case err != nil:
		return err
	case !info.IsDir():
		return fmt.Errorf("%s is not a directory", path)
	}
	if err := mayMakeFiles(path); err != nil {
		return fmt.Errorf("making a file in %s: %w", path, err)
	}
	return nil
}
