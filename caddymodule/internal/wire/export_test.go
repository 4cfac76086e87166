// SPDX-License-Identifier: Apache-2.0

package wire

const (
	MinLead         = minLead
	MaxLarger       = maxLarger
	RecordBuffer    = recordBuffer
	ApplicationData = applicationData
)

// Larger returns how many bytes the larger buffers that are in use take.
func Larger() int64 { return larger.Load() }

// Gather begins to gather.
func (r *Records) Gather() { r.gather() }

// Flush writes what has been gathered.
func (r *Records) Flush() error { return r.flush() }
