// SPDX-License-Identifier: Apache-2.0

package shared

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
)

const (
	testLifetime  = 30 * time.Minute
	testThreshold = 10 * time.Minute
	// bubbleAge is slept through first: a bubble begins in 2000, when Unix
	// seconds had nine digits.
	bubbleAge = 2 * 365 * 24 * time.Hour
)

var (
	errDown = errors.New("connection refused")
	testKey = Key("demopublickey")
)

// memory is a storage with faults.
type memory struct {
	mu         sync.Mutex
	records    map[string][]byte
	locks      map[string]bool
	operations int
	sweeps     int

	down  bool          // every operation fails
	delay time.Duration // of every operation
	deaf  bool          // ignores contexts
	// fault, if any, fails single operations.
	fault func(operation string) error
}

func newMemory() *memory {
	return &memory{records: make(map[string][]byte), locks: make(map[string]bool)}
}

// begin is how every operation begins.
func (m *memory) begin(ctx context.Context, operation string) error {
	m.mu.Lock()
	m.operations++
	delay, down, deaf, fault := m.delay, m.down, m.deaf, m.fault
	m.mu.Unlock()
	switch {
	case deaf:
		time.Sleep(delay)
	case delay > 0:
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(delay):
		}
	}
	switch {
	case down:
		return errDown
	case fault != nil:
		return fault(operation)
	}
	return nil
}

func (m *memory) Load(ctx context.Context, key string) ([]byte, error) {
	if err := m.begin(ctx, "load"); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if data, ok := m.records[key]; ok {
		return data, nil
	}
	return nil, fs.ErrNotExist
}

func (m *memory) Store(ctx context.Context, key string, value []byte) error {
	if err := m.begin(ctx, "store"); err != nil {
		return err
	}
	m.put(key, value)
	return nil
}

func (m *memory) Delete(ctx context.Context, key string) error {
	if err := m.begin(ctx, "delete"); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.records[key]; !ok {
		return fs.ErrNotExist // as some storages do
	}
	delete(m.records, key)
	return nil
}

func (m *memory) List(ctx context.Context, path string, _ bool) ([]string, error) {
	if err := m.begin(ctx, "list"); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sweeps++
	return slices.DeleteFunc(slices.Collect(maps.Keys(m.records)), func(key string) bool {
		return !strings.HasPrefix(key, path+"/")
	}), nil
}

// Lock polls once a second, as real storages do.
func (m *memory) Lock(ctx context.Context, name string) error {
	if err := m.begin(ctx, "lock"); err != nil {
		return err
	}
	for !m.take(name) {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
		}
	}
	return nil
}

func (m *memory) take(name string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.locks[name] {
		return false
	}
	m.locks[name] = true
	return true
}

func (m *memory) Unlock(ctx context.Context, name string) error {
	if err := m.begin(ctx, "unlock"); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.locks, name)
	return nil
}

func (m *memory) set(change func(*memory)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	change(m)
}

func (m *memory) put(key string, value []byte) { m.set(func(m *memory) { m.records[key] = value }) }

func (m *memory) get(key string) (string, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	data, ok := m.records[key]
	return string(data), ok
}

func (m *memory) isLocked(name string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.locks[name]
}

func (m *memory) count() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.operations
}

// backend is a source that all nodes of a fleet ask.
type backend struct {
	mu       sync.Mutex
	lifetime time.Duration
	takes    time.Duration
	err      error
	calls    []time.Time
}

func (r *backend) ask(context.Context, token.Asking) (token.Token, error) {
	r.mu.Lock()
	now := time.Now()
	r.calls = append(r.calls, now)
	lifetime, takes, err := r.lifetime, r.takes, r.err
	r.mu.Unlock()
	time.Sleep(takes)
	if err != nil {
		return token.Token{}, err
	}
	minted := token.Mint("secret", now, lifetime)
	minted.Issued = 0 // a resolver does not say
	return minted, nil
}

func (r *backend) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.err = err
}

func (r *backend) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.calls)
}

// node is one gateway of a fleet.
type node struct {
	*Tokens
	cache    *token.Cache
	source   token.Source
	mu       sync.Mutex
	reported []error
	failures int // of the last report
}

// newNode returns a gateway whose clock is ahead by offset. The test's bubble
// does not end before what it has begun.
func newNode(t *testing.T, storage Storage, source token.Source, offset time.Duration) *node {
	t.Helper()
	t.Cleanup(func() { time.Sleep(4 * time.Hour) })
	clock := token.SystemClock()
	clock.Correct(offset)
	n := &node{cache: token.NewCache(testThreshold, clock)}
	n.Tokens = &Tokens{Storage: storage, Clock: clock, Threshold: testThreshold, Report: func(err error, failures int) {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.reported, n.failures = append(n.reported, err), failures
	}}
	n.source = n.Share(func() string { return testKey }, source)
	return n
}

// loneNode returns a node whose clock is right, its storage and its source.
func loneNode(t *testing.T) (*memory, *backend, *node) {
	t.Helper()
	time.Sleep(bubbleAge)
	storage, source := newMemory(), &backend{lifetime: testLifetime}
	return storage, source, newNode(t, storage, source.ask, 0)
}

func (n *node) get(t *testing.T) token.Token {
	t.Helper()
	got, err := n.cache.Get(t.Context(), n.source)
	if err != nil {
		t.Errorf("no token: %v", err)
	}
	return got
}

// getAfter gets a token and checks how long that takes.
func (n *node) getAfter(t *testing.T, want time.Duration) {
	t.Helper()
	began := time.Now()
	n.get(t)
	if spent := time.Since(began); spent != want {
		t.Errorf("the upload waited %s", spent)
	}
}

// checkReports checks what was reported: an error, which may be repeated, or nil for its end.
func (n *node) checkReports(t *testing.T, want ...error) {
	t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	reported := slices.CompactFunc(slices.Clone(n.reported), func(a, b error) bool { return a != nil && b != nil })
	same := slices.EqualFunc(reported, want, func(got, want error) bool {
		return errors.Is(got, want) && (got == nil) == (want == nil)
	})
	if !same {
		t.Errorf("reported %v, want %v", n.reported, want)
	}
}

// Interface guard
var _ Storage = (*memory)(nil)
