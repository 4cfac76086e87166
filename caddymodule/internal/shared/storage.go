// SPDX-License-Identifier: Apache-2.0

package shared

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
)

// Storage is the part of Caddy's storage interface (certmagic.Storage) that is used.
// Load of a missing key returns [fs.ErrNotExist].
type Storage interface {
	Load(ctx context.Context, key string) ([]byte, error)
	Store(ctx context.Context, key string, value []byte) error
	Delete(ctx context.Context, key string) error
	List(ctx context.Context, path string, recursive bool) ([]string, error)
	Lock(ctx context.Context, name string) error
	Unlock(ctx context.Context, name string) error
}

const (
	// operationTime bounds every operation but taking a lock.
	operationTime = 2 * time.Second
	// lockTime bounds taking a lock. It is enough for the source of another gateway
	// to respond, and for storages that poll a lock once a second.
	lockTime = 10 * time.Second
)

var (
	errSlow   = errors.New("the storage takes too long")
	errLocked = errors.New("the lock is held for too long")
)

// within calls operation and returns within limit, even if the storage ignores the
// context, as some plugins do. The operation is not cut short when ctx ends, since others
// may wait for the same lock. late, if not nil, is called if the operation succeeds
// after limit.
func (t *Tokens) within(ctx context.Context, limit time.Duration, operation func(context.Context) error, late func()) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	done := make(chan error, 1)
	go func() { done <- recovered(ctx, operation) }()
	select {
	case err := <-done:
		cancel()
		return err
	case <-ctx.Done():
	}
	cancel()
	t.outage.hang(1)
	go func() {
		if err := <-done; err == nil && late != nil {
			late()
		}
		t.outage.hang(-1)
	}()
	return fmt.Errorf("%w: more than %s", errSlow, limit)
}

// recovered calls operation and turns a panic into an error. The operation runs in a
// goroutine of its own, where a panic of a plugin would end the process.
func recovered(ctx context.Context, operation func(context.Context) error) (err error) {
	defer func() {
		if reason := recover(); reason != nil {
			err = fmt.Errorf("the storage panicked: %v", reason)
		}
	}()
	return operation(ctx)
}

// load returns the token under key, or the zero value if there is no record that this
// version can read.
func (t *Tokens) load(ctx context.Context, key string) (stored token.Token, err error) {
	var data []byte
	err = t.within(ctx, operationTime, func(ctx context.Context) (err error) {
		data, err = t.Storage.Load(ctx, key)
		return err
	}, nil)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return token.Token{}, nil
	case err != nil:
		return token.Token{}, err
	}
	if stored, ok := decode(data); ok {
		return stored, nil
	}
	return token.Token{}, nil
}

// store stores a token under key.
func (t *Tokens) store(ctx context.Context, key string, fresh token.Token) error {
	data, err := encode(fresh)
	if err != nil {
		return err
	}
	return t.within(ctx, operationTime, func(ctx context.Context) error { return t.Storage.Store(ctx, key, data) }, nil)
}

// remove removes the record under key.
func (t *Tokens) remove(ctx context.Context, key string) error {
	return ignoreNotExist(t.within(ctx, operationTime, func(ctx context.Context) error { return t.Storage.Delete(ctx, key) }, nil))
}

// ignoreNotExist returns err, or nil if it says that what is to be removed does not
// exist: another gateway may have removed it.
func ignoreNotExist(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// lock takes the lock of a record. If the storage grants it after lockTime, it is
// released at once, or no gateway could take it until the storage expires it.
func (t *Tokens) lock(ctx context.Context, key string) error {
	late := func() { _ = t.unlock(ctx, key) }
	err := t.within(ctx, lockTime, func(ctx context.Context) error { return t.Storage.Lock(ctx, key) }, late)
	if errors.Is(err, errSlow) || errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%w: %w", errLocked, err)
	}
	return err
}

// unlock releases the lock. That it does not exist any more is no error: storages
// expire locks that look abandoned.
func (t *Tokens) unlock(ctx context.Context, key string) error {
	return ignoreNotExist(t.within(ctx, operationTime, func(ctx context.Context) error { return t.Storage.Unlock(ctx, key) }, nil))
}
