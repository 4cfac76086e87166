// SPDX-License-Identifier: Apache-2.0

package client

import (
	"time"

	"golang.org/x/sys/unix"
)

// acknowledge has the system acknowledge what has come (TCP_QUICKACK of tcp(7)). Of a
// socket of another kind there is nothing to acknowledge.
func acknowledge(descriptor uintptr) {
	_ = unix.SetsockoptInt(int(descriptor), unix.IPPROTO_TCP, unix.TCP_QUICKACK, 1) //nolint:gosec // it was made of an int
}

// roundTrip returns the shortest that the system has seen of late (TCP_INFO), or 0.
func roundTrip(descriptor uintptr) time.Duration {
	info, err := unix.GetsockoptTCPInfo(int(descriptor), unix.IPPROTO_TCP, unix.TCP_INFO) //nolint:gosec // as above
	if err != nil || info.Min_rtt == ^uint32(0) {                                         // none yet
		return 0
	}
	return time.Duration(info.Min_rtt) * time.Microsecond
}
