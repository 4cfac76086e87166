// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package main

import "errors"

func mountMemory(string, int) error { return errors.ErrUnsupported }

func unmount(string) error { return errors.ErrUnsupported }
