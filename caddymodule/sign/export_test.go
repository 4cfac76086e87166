// SPDX-License-Identifier: Apache-2.0

package sign

// What tests from outside have to know of the inside.
const (
	MaxKeptSize    = maxKeptSize
	MaxParamsSize  = maxParamsSize
	OffsetInterval = offsetInterval
)
