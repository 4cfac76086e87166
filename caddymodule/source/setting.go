// SPDX-License-Identifier: Apache-2.0

package source

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/option"
)

// fileInterval is how often files named by placeholders are read again. They are small and
// in the system's cache. The system's notifications would cost less, but watch the file to
// which a symbolic link leads: Kubernetes replaces the link and leaves that file alone.
const fileInterval = 2 * time.Second

// filePlaceholder matches a placeholder that stands for the contents of a file.
var filePlaceholder = regexp.MustCompile(`\{file\.([^{}]+)\}`)

// setting is the value of an option. Its placeholders are replaced when the
// config is loaded, and those of files again when the file has changed.
type setting struct {
	option string // its name, for errors and logs
	raw    string
	files  []string                     // that raw names
	clean  func(string) (string, error) // checks a value, and removes what does not belong to it; nil if anything is allowed
	value  atomic.Pointer[string]
	// unwatched is set when the config is gone, from when on get reads the files. An
	// upload that is still under way shares its token cache with the next config: with an
	// old value, it would put a token of a replaced key there.
	unwatched atomic.Bool
}

// newSetting returns the setting of an option. It is an error if the value is empty, as
// with a variable that is not set.
func newSetting(name, raw string) (*setting, error) { return newCleanSetting(name, raw, nil) }

// newCleanSetting is newSetting with a function that checks each value.
func newCleanSetting(name, raw string, clean func(string) (string, error)) (*setting, error) {
	s := &setting{option: name, raw: raw, clean: clean}
	value, err := s.resolve()
	if err != nil {
		return nil, err
	}
	for _, placeholder := range filePlaceholder.FindAllStringSubmatch(raw, -1) {
		s.files = append(s.files, placeholder[1])
	}
	s.value.Store(&value)
	return s, nil
}

// resolve returns the value that the option has now.
func (s *setting) resolve() (string, error) {
	value, err := option.Resolve(s.option, s.raw)
	if err != nil || s.clean == nil {
		return value, err
	}
	if value, err = s.clean(value); err != nil {
		return "", fmt.Errorf("%s: %w", s.option, err)
	}
	return value, nil
}

// get returns the value. It may be a secret, and is not to be logged.
func (s *setting) get() string {
	if s.unwatched.Load() {
		_, _ = s.reread() // if it fails, the value stays
	}
	return *s.value.Load()
}

// reread replaces the placeholders anew, and reports whether the value has changed. On
// failure the value stays: a secret is often written by truncating the file first.
func (s *setting) reread() (changed bool, err error) {
	for _, file := range s.files { // first: Caddy's replacer would log a line at each failure
		if _, err := os.ReadFile(file); err != nil { //nolint:gosec // the operator names it
			return false, err
		}
	}
	value, err := s.resolve()
	if err != nil || value == *s.value.Load() {
		return false, err
	}
	s.value.Store(&value)
	return true, nil
}

// changes calls the function that OnChange has set when a source begins to make other
// tokens. Sources embed it.
type changes struct {
	onChange atomic.Pointer[func()]

	mu         sync.Mutex
	unreadable []string // files, when they were read last
}

// UnreadableFiles returns the files that could not be read, or were empty, when they were
// read last. What they held stays in use.
func (c *changes) UnreadableFiles() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.unreadable)
}

// OnChange implements [ChangingSource].
func (c *changes) OnChange(f func()) { c.onChange.Store(&f) }

// report calls the function, if one is set.
func (c *changes) report() {
	if f := c.onChange.Load(); f != nil {
		(*f)()
	}
}

// watch reads the files that settings name every fileInterval, until ctx ends, in one
// goroutine for all of them.
func (c *changes) watch(ctx context.Context, logger *zap.Logger, settings ...*setting) {
	settings = slices.DeleteFunc(slices.Clone(settings), func(s *setting) bool { return len(s.files) == 0 })
	if len(settings) == 0 {
		return
	}
	go func() {
		ticker := time.NewTicker(fileInterval)
		defer ticker.Stop()
		failing := make(map[*setting]bool)
		for {
			select {
			case <-ctx.Done():
				for _, setting := range settings {
					setting.unwatched.Store(true)
				}
				return
			case <-ticker.C:
			}
			changed := rereadAll(settings, failing, logger)
			c.noteUnreadable(settings, failing)
			if changed {
				c.report()
			}
		}
	}()
}

func (c *changes) noteUnreadable(settings []*setting, failing map[*setting]bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.unreadable = nil
	for _, setting := range settings {
		if failing[setting] {
			c.unreadable = append(c.unreadable, setting.files...)
		}
	}
}

// rereadAll reports whether the value of any setting has changed. It logs when a file
// cannot be read any more, and when it can be again, but not each attempt between.
func rereadAll(settings []*setting, failing map[*setting]bool, logger *zap.Logger) bool {
	found := false
	for _, setting := range settings {
		logger := logger.With(zap.String("option", setting.option), zap.Strings("files", setting.files))
		changed, err := setting.reread()
		switch {
		case err != nil && !failing[setting]:
			logger.Error("a file cannot be read any more, or is empty; what it held stays in use", zap.Error(err))
		case changed:
			logger.Info("a file has changed; what it holds is in use now")
			found = true
		case err == nil && failing[setting]:
			logger.Info("a file can be read again; what it holds has not changed")
		}
		failing[setting] = err != nil
	}
	return found
}
