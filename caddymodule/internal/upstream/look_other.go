// SPDX-License-Identifier: Apache-2.0

//go:build !unix

package upstream

import "syscall"

// canLook says that it can be seen whether anything has come on a socket.
const canLook = false

func newSocketLook(syscall.RawConn) looker { return nil }
