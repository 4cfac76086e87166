// SPDX-License-Identifier: Apache-2.0

//go:build race

package rawtest

// race says that the race detector is on.
const race = true
