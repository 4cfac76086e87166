// SPDX-License-Identifier: Apache-2.0

package source

import (
	"context"
	"os"
	"regexp"
	"slices"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/option"
)

// fileInterval is how often files named by placeholders are read again. They
// are small and in the system's cache; watching them would miss the files that
// are replaced by way of a symbolic link, as Kubernetes does.
const fileInterval = 2 * time.Second

// filePlaceholder is one that stands for what a file holds.
var filePlaceholder = regexp.MustCompile(`\{file\.([^{}]+)\}`)

// setting is the value of an option. Its placeholders are replaced when the
// config is loaded, and those of files again when the file has changed.
type setting struct {
	option string // what it is called
	raw    string
	files  []string // which it names
	value  atomic.Pointer[string]
	// unwatched is set when its config is gone. An upload that is still under way
	// shares its token with those of the next config: it must not bring back what
	// the files held long ago.
	unwatched atomic.Bool
}

func newSetting(name, raw string) (*setting, error) {
	value, err := option.Resolve(name, raw)
	if err != nil {
		return nil, err
	}
	s := &setting{option: name, raw: raw}
	for _, placeholder := range filePlaceholder.FindAllStringSubmatch(raw, -1) {
		s.files = append(s.files, placeholder[1])
	}
	s.value.Store(&value)
	return s, nil
}

// get returns the value, which may be a secret.
func (s *setting) get() string {
	if s.unwatched.Load() {
		_, _ = s.reread() // if it fails, the value is the one that there is
	}
	return *s.value.Load()
}

// reread reports whether the value has changed. If it cannot be had, the
// setting keeps the one that it has.
func (s *setting) reread() (changed bool, err error) {
	for _, file := range s.files { // the replacer would log each failure
		if _, err := os.ReadFile(file); err != nil { //nolint:gosec // which the operator names
			return false, err
		}
	}
	value, err := option.Resolve(s.option, s.raw)
	if err != nil || value == *s.value.Load() {
		return false, err
	}
	s.value.Store(&value)
	return true, nil
}

// changes tells whoever set a function that a source makes other tokens now.
type changes struct{ told atomic.Pointer[func()] }

// OnChange implements [ChangingSource].
func (c *changes) OnChange(f func()) { c.told.Store(&f) }

func (c *changes) tell() {
	if f := c.told.Load(); f != nil {
		(*f)()
	}
}

// watch reads the files that settings name again and again until ctx ends.
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
			if rereadAll(settings, failing, logger) {
				c.tell()
			}
		}
	}()
}

// rereadAll reports whether the value of any setting has changed. It tells of a
// file that cannot be read, once, and when that is over.
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
