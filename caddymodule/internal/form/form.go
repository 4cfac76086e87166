// SPDX-License-Identifier: Apache-2.0

// Package form edits forms while they stream past: it takes fields out of a
// body or a query string and puts others in, without holding the body, without
// copying it and without changing a byte of anything else.
//
// An [Editor] is given the names of the fields to take out and a function that
// yields the fields to put in. It knows nothing of HTTP servers, of credentials
// or of time.
//
// # One reading, or none
//
// Servers do not agree on how to read a form that bends RFC 2046 or RFC 7578.
// One takes a bare LF before a delimiter for a line end, another finds a
// delimiter in the middle of a line, a third decodes `name*`. A form in which
// some server could see a field that the editor does not see is refused with an
// error, never passed on.
package form

import (
	"errors"
	"slices"
)

// Limits. All of them bound what the editor holds at one time; the body itself
// has none.
const (
	// MaxBoundaryLength is the longest boundary, in characters (RFC 2046, section 5.1.1).
	MaxBoundaryLength = 70

	// MaxPartHeaderSize is the largest header of one part, in bytes. Names and
	// file names of real clients stay below 3 KiB even when every character of
	// a 255 character file name is percent-encoded; common servers take 8 KiB
	// for a whole line.
	MaxPartHeaderSize = 8 << 10

	// MaxPartHeaderLines is the largest number of lines in one part's header.
	// Real clients send one to four.
	MaxPartHeaderLines = 32

	// MaxPreambleSize bounds what stands before the first delimiter, in bytes.
	// Nothing belongs there on HTTP; mail software puts one sentence there.
	MaxPreambleSize = 1 << 10

	// MaxEpilogueSize bounds what stands after the closing delimiter, in bytes,
	// for the same reason.
	MaxEpilogueSize = 1 << 10

	// MaxWatchedValueSize is the longest value of a field that is read on its
	// way past, in bytes. Public keys have 20 characters.
	MaxWatchedValueSize = 256
)

// MaxMemory bounds what an [Editor] holds, in bytes, whatever the size of the
// body: an incomplete part header with the slack of the slice that it grew in,
// a buffer of the editor's own where the caller's is smaller than that, the
// fresh fields and the body's end, and a table to find delimiters with.
const MaxMemory = 32 << 10

// Errors of a form that cannot be edited.
var (
	// ErrNotMultipart means that the Content-Type is not multipart/form-data.
	ErrNotMultipart = errors.New("content type is not multipart/form-data")
	// ErrNoBoundary means that the Content-Type has no boundary parameter.
	ErrNoBoundary = errors.New("content type has no boundary")
	// ErrInvalidBoundary means that the boundary is not 1 to 70 characters of
	// RFC 2046's set, or that the Content-Type can be read in more than one way.
	ErrInvalidBoundary = errors.New("content type has an invalid boundary")
	// ErrMalformedHeader means that the header of a part cannot be read, or can
	// be read in more than one way.
	ErrMalformedHeader = errors.New("malformed part header")
	// ErrHeaderTooLarge means that the header of a part is larger than
	// MaxPartHeaderSize or has more lines than MaxPartHeaderLines.
	ErrHeaderTooLarge = errors.New("part header is too large")
	// ErrPreambleTooLarge means that no delimiter was found in the first
	// MaxPreambleSize bytes.
	ErrPreambleTooLarge = errors.New("form does not begin with its boundary")
	// ErrEpilogueTooLarge means that more than MaxEpilogueSize bytes follow the
	// closing delimiter.
	ErrEpilogueTooLarge = errors.New("too much data after the closing delimiter")
	// ErrUnexpectedEnd means that the body ended before the closing delimiter.
	ErrUnexpectedEnd = errors.New("form ends before its closing delimiter")
	// ErrAmbiguousDelimiter means that the boundary stands where some servers
	// take it for a delimiter and others do not.
	ErrAmbiguousDelimiter = errors.New("ambiguous delimiter")
	// ErrValueTooLong means that a watched field is longer than MaxWatchedValueSize.
	ErrValueTooLong = errors.New("field value is too long")
	// ErrAmbiguousParameters means that servers disagree on the parameters of a
	// query string or urlencoded body.
	ErrAmbiguousParameters = errors.New("ambiguous parameters")
	// ErrLengthMismatch means that the fresh fields do not have the length that
	// was promised for them.
	ErrLengthMismatch = errors.New("fresh fields do not have the promised length")
	// ErrClosed means that the editor was read after it was closed.
	ErrClosed = errors.New("form is closed")
)

// IsFormError reports whether err says that a form cannot be edited, as opposed
// to an error of its source or of the edit.
func IsFormError(err error) bool {
	return slices.ContainsFunc(formErrors, func(formError error) bool { return errors.Is(err, formError) })
}

var formErrors = []error{
	ErrNotMultipart, ErrNoBoundary, ErrInvalidBoundary, ErrMalformedHeader, ErrHeaderTooLarge, ErrPreambleTooLarge,
	ErrEpilogueTooLarge, ErrUnexpectedEnd, ErrAmbiguousDelimiter, ErrValueTooLong, ErrAmbiguousParameters,
}
