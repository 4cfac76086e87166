// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
)

// uploads is a case: files of one size, sent by so many clients at once.
type uploads struct {
	name    string
	size    int64
	clients int
}

var cases = []uploads{
	{"1GiB", 1 << 30, 1},
	{"64MiB", 64 << 20, 8},
	{"20KiB", 20 << 10, 32},
	{"1KiB", 1 << 10, 32},
}

func (u uploads) large() bool { return u.size >= 1<<20 }

func (u uploads) String() string { return fmt.Sprintf("%s x%d", u.name, u.clients) }

// protocol is what clients speak.
type protocol string

const (
	http1         protocol = "HTTP/1.1"
	http1TLS      protocol = "HTTP/1.1 over TLS"
	http2Protocol protocol = "HTTP/2"
	http3Protocol protocol = "HTTP/3"
)

// mode is what is spoken on either side of the contenders.
type mode struct {
	name        string
	downstream  protocol
	upstreamTLS bool
}

var modes = []mode{
	{"plain", http1, false},
	{"tls-upstream", http1, true},
	{"tls", http1TLS, true},
	{"http2", http2Protocol, true},
	{"http3", http3Protocol, true},
}

func (m mode) String() string {
	upstream := "plaintext"
	if m.upstreamTLS {
		upstream = "TLS"
	}
	return fmt.Sprintf("clients speak %s, %s to the upstream", m.downstream, upstream)
}

func modeNames() (names []string) {
	for _, mode := range modes {
		names = append(names, mode.name)
	}
	return names
}

func caseNames() (names []string) {
	for _, uploads := range cases {
		names = append(names, uploads.name)
	}
	return names
}

// selected reports whether a list names it, or is empty.
func selected(list []string, name string) bool {
	return len(list) == 0 || slices.Contains(list, name)
}

// check finds names that are not there.
func (o *options) check() error {
	for what, lists := range map[string][2][]string{
		"mode":      {o.modes, modeNames()},
		"case":      {o.cases, caseNames()},
		"contender": {o.contenders, contenderNames()},
	} {
		for _, name := range lists[0] {
			if !slices.Contains(lists[1], name) {
				return fmt.Errorf("there is no %s %q, only %v", what, name, lists[1])
			}
		}
	}
	return nil
}

// buildAside builds Caddy in a directory of its own, which remove takes away with all
// that a measurement leaves there.
func (o *options) buildAside() (directory string, remove func(), err error) {
	if directory, err = os.MkdirTemp("", "benchmark"); err != nil {
		return "", nil, err
	}
	remove = func() { _ = os.RemoveAll(directory) }
	if err := o.build(directory); err != nil {
		remove()
		return "", nil, err
	}
	return directory, remove, nil
}

// build builds Caddy as xcaddy does, unless there is one.
func (o *options) build(directory string) error {
	if o.caddy != "" {
		return nil
	}
	o.caddy = filepath.Join(directory, "caddy")
	fmt.Fprintln(os.Stderr, "building Caddy")
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-w -s", "-tags", "nobadger,nomysql,nopgx", "-o", o.caddy, "./cmd/caddy")
	build.Stderr = os.Stderr
	return build.Run()
}
