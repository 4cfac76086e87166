// SPDX-License-Identifier: Apache-2.0

//go:build !unix

package wire

import "syscall"

// CanPoll says that sockets can be looked at, on this operating system.
const CanPoll = false

func newSocketPoller(syscall.RawConn) Poller { return nil }
