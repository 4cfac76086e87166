// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// availability is that of a storage, without which no config can be loaded.
type availability struct {
	mu    sync.Mutex
	away  bool
	since time.Time // of the last change
}

func (a *availability) down() { a.change(true) }
func (a *availability) up()   { a.change(false) }

func (a *availability) change(away bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.away, a.since = away, time.Now()
}

// downSince reports whether the storage was down at any time since a moment.
func (a *availability) downSince(moment time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.away || a.since.After(moment)
}

// disk is the storage of one gateway, and has the file of a secret. It is small, and in memory,
// if this process may mount one.
type disk struct {
	directory string // that goes away
	secret    string // a file
	mounted   bool
	usable    availability
	full      bool // and not away
}

const diskSize = 1 << 20

// newDisk makes a disk in a directory.
func newDisk(parent string) (*disk, error) {
	d := &disk{directory: filepath.Join(parent, "disk", "storage"), secret: filepath.Join(parent, "disk", "secret")}
	if err := os.Mkdir(filepath.Join(parent, "disk"), 0o700); err != nil {
		return nil, err
	}
	if err := mountMemory(filepath.Join(parent, "disk"), diskSize); err != nil {
		fmt.Fprintf(os.Stderr, "storm: the disk is not filled, which takes root: %v\n", err)
	} else {
		d.mounted = true
	}
	if err := os.Mkdir(d.directory, 0o700); err != nil {
		return nil, err
	}
	return d, os.WriteFile(d.secret, []byte(firstKey), 0o600)
}

// remove unmounts the disk.
func (d *disk) remove() error {
	if !d.mounted {
		return nil
	}
	return unmount(filepath.Dir(d.directory))
}

// filler is the file that fills the disk.
func (d *disk) filler() string { return filepath.Join(filepath.Dir(d.directory), "filler") }

// begin implements thing: the disk is full, or the storage and the secret go away.
func (d *disk) begin(variant uint64) (string, error) {
	d.usable.down()
	if d.full = d.mounted && variant%2 == 0; d.full {
		// It ends with an error, since there is no room for all of it.
		_ = os.WriteFile(d.filler(), make([]byte, 2*diskSize), 0o600)
		return "is full", nil
	}
	if err := os.Rename(d.secret, d.secret+".away"); err != nil {
		return "", err
	}
	if err := os.Rename(d.directory, d.directory+".away"); err != nil {
		return "", err
	}
	return "goes away", d.insist(func() error { return os.WriteFile(d.directory, nil, 0o600) })
}

// insist clears the storage's place for an action, in which a gateway may make a directory
// just then.
func (d *disk) insist(action func() error) (err error) {
	for range 10 {
		if err = os.RemoveAll(d.directory); err == nil {
			err = action()
		}
		if err == nil {
			break
		}
	}
	return err
}

// end implements thing.
func (d *disk) end() error {
	defer d.usable.up()
	if d.full {
		return os.Remove(d.filler())
	}
	if err := os.Rename(d.secret+".away", d.secret); err != nil {
		return err
	}
	return d.insist(func() error { return os.Rename(d.directory+".away", d.directory) })
}

var _ thing = (*disk)(nil)
