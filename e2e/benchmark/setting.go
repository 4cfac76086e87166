// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
)

// uploads is a case: files of one size, sent by several clients at the same time.
type uploads struct {
	name    string
	size    int64
	clients int
}

var cases = []uploads{
	{"1GiB", 1 << 30, 1},
	{"64MiB", 64 << 20, 8},
	{"64MiBx32", 64 << 20, 32},
	{"1GiBx4", 1 << 30, 4},
	{"20KiB", 20 << 10, 32},
	{"1KiB", 1 << 10, 32},
}

// crowded reports whether clients compete for long enough that it shows whether one of them
// is served before the others.
func (u uploads) crowded() bool { return u.large() && u.clients > 1 }

// large reports whether throughput is given in bytes instead of uploads.
func (u uploads) large() bool { return u.size >= 1<<20 }

// String is the title of the case.
func (u uploads) String() string { return fmt.Sprintf("%s x%d", u.name, u.clients) }

// protocol is a protocol between clients and contenders.
type protocol string

const (
	http1         protocol = "HTTP/1.1"
	http1TLS      protocol = "HTTP/1.1 over TLS"
	http2Protocol protocol = "HTTP/2"
	http3Protocol protocol = "HTTP/3"
)

// mode is a combination of protocols on either side of the contenders.
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

// String is the title of the mode.
func (m mode) String() string {
	upstream := "plaintext"
	if m.upstreamTLS {
		upstream = "TLS"
	}
	return fmt.Sprintf("clients speak %s, %s to the upstream", m.downstream, upstream)
}

// modeNames returns the names for the flag -modes.
func modeNames() (names []string) {
	for _, mode := range modes {
		names = append(names, mode.name)
	}
	return names
}

// caseNames returns the names for the flag -cases.
func caseNames() (names []string) {
	for _, uploads := range cases {
		names = append(names, uploads.name)
	}
	return names
}

// selected reports whether a list contains name, or is empty.
func selected(list []string, name string) bool {
	return len(list) == 0 || slices.Contains(list, name)
}

// check rejects names that do not exist.
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

// buildAside builds Caddy in a temporary directory. remove removes that, with all that a
// measurement has left there.
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

// build builds Caddy as xcaddy does, unless the flag -caddy names one.
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
