// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"bufio"
	"errors"
	"io"
	"net/url"
	"strings"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

// Limits of what a form has in memory. The service has such limits and documents no
// numbers, so these are the sandbox's. Clients have been seen to send thousands of fields,
// most of them empty.
const (
	maxFields       = 10_000
	maxFieldsLength = 8 << 20 // of all names and values together, in bytes
	maxFiles        = 100
	maxFieldLength  = 64 << 10
	// A name is also a key of the response of /base/.
	maxNameLength  = 1 << 10
	copyBufferSize = 32 << 10
)

// form is one multipart body: fields in memory, files on disk as they arrive.
type form struct {
	create func() (*partial, error) // nil if the endpoint accepts no files
	writer *bufio.Writer            // one buffer for all files

	fields       url.Values
	fieldCount   int
	fieldsLength int
	files        []*partial // complete or under way, and not published
	fileCount    int        // also of those that are not stored

	problem *uploadapi.Error // the first thing wrong with the form itself
	full    bool             // the files do not fit below the storage limit
}

// newForm returns a form that calls create for each file. Without create, files are
// counted and skipped.
func newForm(create func() (*partial, error)) *form {
	return &form{
		create: create,
		writer: bufio.NewWriterSize(nil, copyBufferSize),
		fields: make(url.Values),
	}
}

// read reads a whole body. It returns an error only if the body cannot be read to its end.
// What else is wrong is recorded in problem and full, for there may be a reason to refuse
// that the service checks before.
func (f *form) read(body io.Reader, boundary string) error {
	parts := newPartReader(body, boundary)
	for {
		header, err := parts.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if err := f.take(header, parts); err != nil {
			return err
		}
	}
	// A body ends with its last byte, not with the closing delimiter. Without this, a
	// client that is still sending an epilogue would see its connection reset.
	_, err := io.Copy(io.Discard, body)
	return err
}

// take reads a part. One without any name is skipped, as servers do.
func (f *form) take(header partHeader, content io.Reader) error {
	switch {
	case header.name == "" && header.filename == "":
		return nil
	case header.name == "" || len(header.name) > maxNameLength:
		return f.refuse(uploadapi.ErrParserFailed)
	// The service has an error for NUL anywhere; why, is not documented.
	case strings.ContainsRune(header.name+header.filename, 0):
		return f.refuse(uploadapi.ErrNullCharacters)
	// An empty file name is that of a form's file input without a file: a field.
	case header.filename != "":
		return f.takeFile(header, content)
	default:
		return f.takeField(header.name, content)
	}
}

// refuse records the first problem, and removes the files so far. The rest of the body is
// drained.
func (f *form) refuse(problem *uploadapi.Error) error {
	if f.problem == nil {
		f.problem = problem
	}
	return f.discard()
}

// takeField reads a field into memory.
func (f *form) takeField(name string, content io.Reader) error {
	f.fieldCount++
	if f.fieldCount > maxFields {
		return f.refuse(uploadapi.ErrTooManyFields)
	}
	if f.problem != nil { // the request is refused anyway: next skips the content
		return nil
	}
	value, err := io.ReadAll(io.LimitReader(content, maxFieldLength+1)) // one more shows that it is too long
	if err != nil {
		return err
	}
	// Names count: ten thousand empty fields with long names would take as much.
	f.fieldsLength += len(name) + len(value)
	if len(value) > maxFieldLength || f.fieldsLength > maxFieldsLength {
		return f.refuse(uploadapi.ErrParserFailed)
	}
	text := string(value)
	if strings.ContainsRune(text, 0) {
		return f.refuse(uploadapi.ErrNullCharacters)
	}
	f.fields[name] = append(f.fields[name], text)
	return nil
}

// takeFile writes a file to the disk as it arrives. If the storage limit is reached, that
// is recorded, and further files are only counted.
func (f *form) takeFile(header partHeader, content io.Reader) error {
	f.fileCount++
	if f.fileCount > maxFiles {
		return f.refuse(uploadapi.ErrTooManyFiles)
	}
	// It has been counted all the same: an access token pays for each file, stored or
	// not.
	if f.problem != nil || f.full || f.create == nil {
		return nil
	}
	file, err := f.create()
	if err != nil {
		return err
	}
	file.field = header.name
	f.files = append(f.files, file) // before it is written, so that discard removes it after an error
	f.writer.Reset(file)
	if _, err = io.Copy(f.writer, content); err == nil {
		err = f.writer.Flush()
	}
	if errors.Is(err, errStorageFull) {
		f.full = true
		return f.discard()
	}
	if err != nil {
		return err
	}
	return file.finish(header.filename, header.contentType)
}

// publish makes the files visible and returns the UUID of each by the name of its field.
// After an error, those that are not visible yet are for discard.
func (f *form) publish(attrs attributes) (map[string]string, error) {
	ids := make(map[string]string, len(f.files))
	for _, file := range f.files {
		if err := file.publish(attrs); err != nil {
			return nil, err
		}
		// Of two files under one name the response has the last, since JSON has one value
		// for a name. Both are stored.
		ids[file.field] = file.info.UUID
	}
	f.files = nil
	return ids, nil
}

// discard removes the files that were not published.
func (f *form) discard() error {
	var failed error
	for _, file := range f.files {
		failed = errors.Join(failed, file.discard())
	}
	f.files = nil
	return failed
}
