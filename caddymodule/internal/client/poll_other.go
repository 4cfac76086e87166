// SPDX-License-Identifier: Apache-2.0

//go:build !unix

package client

import "syscall"

// canPoll says that sockets can be polled on this operating system. Without that, a
// Client leaves everything to its transport.
const canPoll = false

func newSocketPoller(syscall.RawConn) poller { return nil }
