// SPDX-License-Identifier: Apache-2.0

// Package loopback finds ports for servers of tests and benchmarks that must be
// given one in their configuration.
package loopback

import (
	"errors"
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

// unusedPort returns one on which nothing listens over TCP, or none if something
// does over UDP.
func unusedPort() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer listener.Close()
	packets, err := net.ListenPacket("udp", listener.Addr().String())
	if err != nil {
		return "", nil
	}
	return strconv.Itoa(listener.Addr().(*net.TCPAddr).Port), packets.Close()
}
