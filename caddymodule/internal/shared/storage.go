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

// Storage is what is needed of Caddy's storages. Load of a key that is not
// there returns [fs.ErrNotExist].
type Storage interface {
	Load(ctx context.Context, key string) ([]byte, error)
	Store(ctx context.Context, key string, value []byte) error
	Delete(ctx context.Context, key string) error
	List(ctx context.Context, path string, recursive bool) ([]string, error)
	Lock(ctx context.Context, name string) error
	Unlock(ctx context.Context, name string) error
}

const (
	// operationTime is how long the storage may take for anything but a lock.
	operationTime = 2 * time.Second
	// lockTime is how long it may take to get a lock. That is enough for another
	// gateway's source to answer, and for storages that look once a second.
	lockTime = 10 * time.Second
)

var (
	errSlow   = errors.New("the storage takes too long")
	errLocked = errors.New("the lock is held for too long")
)

// within does one operation in the storage and returns in time, also if the
// storage heeds no context. It is not cut short with ctx, which may be given up
// while others hold on to the same lock. late, if any, is called if it succeeds after that.
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

// recovered does an operation. A panic of a storage must not end the process.
func recovered(ctx context.Context, operation func(context.Context) error) (err error) {
	defer func() {
		if reason := recover(); reason != nil {
			err = fmt.Errorf("the storage panicked: %v", reason)
		}
	}()
	return operation(ctx)
}

// load returns the token under key, or none if there is no record or none that
// can be read.
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

func (t *Tokens) store(ctx context.Context, key string, fresh token.Token) error {
	data, err := encode(fresh)
	if err != nil {
		return err
	}
	return t.within(ctx, operationTime, func(ctx context.Context) error { return t.Storage.Store(ctx, key, data) }, nil)
}

func (t *Tokens) remove(ctx context.Context, key string) error {
	return unlessGone(t.within(ctx, operationTime, func(ctx context.Context) error { return t.Storage.Delete(ctx, key) }, nil))
}

// unlessGone is err, unless it says that what is to go is not there: somebody
// else was faster.
func unlessGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// lock gets the lock. One that comes too late is given back.
func (t *Tokens) lock(ctx context.Context, key string) error {
	late := func() { _ = t.unlock(ctx, key) }
	err := t.within(ctx, lockTime, func(ctx context.Context) error { return t.Storage.Lock(ctx, key) }, late)
	if errors.Is(err, errSlow) || errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%w: %w", errLocked, err)
	}
	return err
}

// unlock gives the lock back. Storages take one away that looks abandoned.
func (t *Tokens) unlock(ctx context.Context, key string) error {
	return unlessGone(t.within(ctx, operationTime, func(ctx context.Context) error { return t.Storage.Unlock(ctx, key) }, nil))
}
