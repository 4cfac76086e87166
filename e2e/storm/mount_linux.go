// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"syscall"
)

// mountMemory mounts a file system of a size in memory.
func mountMemory(directory string, size int) error {
	return syscall.Mount("tmpfs", directory, "tmpfs", 0, fmt.Sprintf("size=%d", size))
}

func unmount(directory string) error { return syscall.Unmount(directory, syscall.MNT_DETACH) }
