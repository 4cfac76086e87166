// SPDX-License-Identifier: Apache-2.0

//go:build unix

package command

import "syscall"

// mayMakeFiles returns an error if this process may not make files in a directory.
func mayMakeFiles(directory string) error {
	const execute, write = 1, 2
	return syscall.Access(directory, write|execute)
}
