// SPDX-License-Identifier: Apache-2.0

//go:build !unix

package client

import "syscall"

// canPoll says that sockets can be looked at, on this operating system.
const canPoll = false

func newSocketPoller(syscall.RawConn) poller { return nil }
