// SPDX-License-Identifier: Apache-2.0

// Package loopback finds ports for servers of tests and benchmarks that must be
// given one in their configuration.
package loopback

import (
	"errors"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
)

// given are the ports that this process has been given: the system may name one
// again as soon as no process listens on it.
var given sync.Map

var errNoPort = errors.New("no free port on 127.0.0.1")

// FreePort returns a port of 127.0.0.1 on which nothing listens, over TCP or
// UDP, and which it has not returned before.
func FreePort() (string, error) {
	for range 1000 {
		port, err := unusedPort()
		if err != nil {
			return "", err
		}
		if port == "" {
			continue
		}
		if _, again := given.LoadOrStore(port, nil); !again {
			return port, nil
		}
	}
	return "", errNoPort
}

// The ports to choose from: no system takes them for a connection's own end (Linux begins
// at 32768, others at 49152), as it may take one that it has just named as free, before
// the server that is to have it listens.
const (
	firstPort = 10240
	ports     = 32768 - firstPort
)

// unusedPort returns one on which nothing listens, or none if something does on the one
// that it has tried.
func unusedPort() (string, error) {
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(firstPort+rand.IntN(ports))) //nolint:gosec // not a secret
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return "", nil
	}
	defer listener.Close()
	packets, err := net.ListenPacket("udp", address)
	if err != nil {
		return "", nil
	}
	return strconv.Itoa(listener.Addr().(*net.TCPAddr).Port), packets.Close()
}
