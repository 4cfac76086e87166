// SPDX-License-Identifier: Apache-2.0

// Package form edits forms in a stream: it removes fields from a body or a query
// string and adds others, without buffering the body, without copying it and
// without changing any other byte.
//
// An [Editor] is an [io.Reader] over a multipart/form-data body. It is given the
// names of the fields to remove and a function that yields the fields to add. It
// knows nothing of HTTP servers, of credentials or of time.
//
// Errors come as early as they can be known, which may be late: a form without a
// closing delimiter is only recognised at its end. What has been read by then lacks
// the end of the form, so that no server takes it for complete. [IsFormError]
// distinguishes errors of the form from those of its source.
//
// # Doubt
//
// Servers do not agree on how to read a form that bends RFC 2046 or RFC 7578.
// One takes a bare LF before a delimiter for a line end, another finds a
// delimiter in the middle of a line, a third decodes `name*`. That alone is no
// reason to refuse a form: the client cannot be changed, and the upload would be
// lost. The editor reads it as most servers do, and leaves it as it is. It refuses a
// form only if a server could read a protected name (one of [Edit.Stale] or
// [Edit.Watched]) in what is doubtful, if there is no place for the fresh fields, or
// if servers would lose a part.
package form

import (
	"errors"
	"slices"
)

// Limits of what the editor holds at a time. The size of a body has no limit.
const (
	// MaxBoundaryLength is the longest boundary, in characters. RFC 2046, section
	// 5.1.1, has 70; clients write up to 84, and servers do not count.
	MaxBoundaryLength = 200

	// MaxPartHeaderSize is the largest header of one part, in bytes, however many
	// lines it has. File names of real clients take 3 KiB at most, and of the
	// servers that bound a header few take more than 16 KiB.
	MaxPartHeaderSize = 32 << 10

	// MaxPreambleSize bounds what stands before the first delimiter, in bytes. HTTP
	// clients put nothing there; mail software puts one sentence.
	MaxPreambleSize = 32 << 10

	// MaxEpilogueSize bounds what stands after the closing delimiter, in bytes. Some
	// clients put padding there.
	MaxEpilogueSize = 64 << 10

	// MaxWatchedValueSize is the longest value of a watched field, in bytes. Public
	// keys have 20 characters.
	MaxWatchedValueSize = 256
)

// MaxMemory bounds what an [Editor] holds, in bytes, whatever the size of the body:
// an incomplete part header or an epilogue, with the slack of the slice that it has
// grown in; a buffer of its own where the caller's is smaller than that; the fresh
// fields and the end of the body; and a table to search for delimiters. For forms as
// clients write them, an editor holds less than 8 KiB. A MaxValueSize or a FreshLength of
// more than a few hundred bytes comes on top, at most twice.
const MaxMemory = 224 << 10

// Errors of a form that cannot be edited.
var (
	// ErrNotMultipart means that the Content-Type is not multipart/form-data.
	ErrNotMultipart = errors.New("content type is not multipart/form-data")
	// ErrNoBoundary means that the Content-Type has no boundary parameter.
	ErrNoBoundary = errors.New("content type has no boundary")
	// ErrInvalidBoundary means that the boundary is not 1 to MaxBoundaryLength
	// printable characters of ASCII, or has a quote or a backslash in it, or that
	// the Content-Type can be read as naming too many.
	ErrInvalidBoundary = errors.New("content type has an invalid boundary")
	// ErrCharset means that the body is in a charset in which names in ASCII are
	// not what they seem.
	ErrCharset = errors.New("charset hides ASCII")
	// ErrMalformedHeader means that some server could read a protected name in the
	// header of a part where others do not.
	ErrMalformedHeader = errors.New("malformed part header")
	// ErrUnnamedFile means that a file has no field name: most servers lose it.
	ErrUnnamedFile = errors.New("a file part has no name")
	// ErrHeaderTooLarge means that the header of a part is larger than
	// MaxPartHeaderSize.
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
	// take it for a delimiter and others do not, and that they would lose a part,
	// or could read a protected name behind it.
	ErrAmbiguousDelimiter = errors.New("ambiguous delimiter")
	// ErrValueTooLong means that a watched field is longer than [Edit] allows, or a public
	// key longer than MaxWatchedValueSize.
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
	ErrNotMultipart, ErrNoBoundary, ErrInvalidBoundary, ErrMalformedHeader, ErrUnnamedFile, ErrHeaderTooLarge, ErrPreambleTooLarge,
	ErrEpilogueTooLarge, ErrUnexpectedEnd, ErrAmbiguousDelimiter, ErrValueTooLong, ErrAmbiguousParameters,
}
