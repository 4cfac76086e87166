// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"bufio"
	"errors"
	"io"
	"mime/multipart"
	"net/url"
	"strings"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

// Bounds of what a form may keep in memory. The service has such limits but
// documents no figures; these are ours.
const (
	maxFields      = 100
	maxFiles       = 100
	maxFieldLength = 64 << 10
	maxNameLength  = 1 << 10
	copyBufferSize = 32 << 10
)

// form is one multipart body: fields in memory, files on disk as they arrive.
type form struct {
	create func() (*partial, error)
	writer *bufio.Writer // one buffer for all files

	fields     url.Values
	fieldCount int
	files      []*partial
	fileCount  int

	problem *uploadapi.Error // the first thing wrong with the form itself
	full    bool             // the files do not fit below the storage limit
}

// newForm returns a form that asks create for room for each file. Without
// create, files are counted and passed over.
func newForm(create func() (*partial, error)) *form {
	return &form{
		create: create,
		writer: bufio.NewWriterSize(nil, copyBufferSize),
		fields: make(url.Values),
	}
}

// read takes in a whole body. It returns an error only if the body cannot be
// read to its end; whatever else is wrong waits in problem and full.
func (f *form) read(body io.Reader, boundary string) error {
	parts := multipart.NewReader(io.MultiReader(body, strings.NewReader("\r\n"), brokenOff{}), boundary)
	for {
		part, err := parts.NextRawPart() // raw: no transfer encoding is undone
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if err := f.take(part); err != nil {
			return err
		}
	}
	// A body ends with its last byte, not with the closing delimiter.
	_, err := io.Copy(io.Discard, body)
	return err
}

// brokenOff is what the multipart reader finds behind the body in place of
// io.EOF, with which it reports a form that ends in a part's header just as
// one that is whole. Before it comes the line end that the closing delimiter
// need not have.
type brokenOff struct{}

func (brokenOff) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func (f *form) take(part *multipart.Part) error {
	name, filename := part.FormName(), part.FileName()
	switch {
	case name == "" || len(name) > maxNameLength || len(filename) > maxNameLength:
		return f.refuse(uploadapi.ErrParserFailed)
	case strings.ContainsRune(name+filename, 0):
		return f.refuse(uploadapi.ErrNullCharacters)
	case filename != "":
		return f.takeFile(name, filename, part)
	default:
		return f.takeField(name, part)
	}
}

// refuse remembers the first problem. The rest of the body is only drained.
func (f *form) refuse(problem *uploadapi.Error) error {
	if f.problem == nil {
		f.problem = problem
	}
	return f.discard()
}

func (f *form) takeField(name string, content io.Reader) error {
	f.fieldCount++
	if f.fieldCount > maxFields {
		return f.refuse(uploadapi.ErrTooManyFields)
	}
	if f.problem != nil {
		return nil
	}
	value, err := io.ReadAll(io.LimitReader(content, maxFieldLength+1))
	if err != nil {
		return err
	}
	if len(value) > maxFieldLength {
		return f.refuse(uploadapi.ErrParserFailed)
	}
	text := string(value)
	if strings.ContainsRune(text, 0) {
		return f.refuse(uploadapi.ErrNullCharacters)
	}
	f.fields[name] = append(f.fields[name], text)
	return nil
}

func (f *form) takeFile(name, filename string, content io.Reader) error {
	f.fileCount++
	if f.fileCount > maxFiles {
		return f.refuse(uploadapi.ErrTooManyFiles)
	}
	if f.problem != nil || f.full || f.create == nil {
		return nil
	}
	file, err := f.create()
	if err != nil {
		return err
	}
	file.field = name
	f.files = append(f.files, file)
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
	return file.finish(filename)
}

// publish makes the files visible, all or none, and returns the uuid of each
// under the name of its field.
func (f *form) publish(said remarks) (map[string]string, error) {
	ids := make(map[string]string, len(f.files))
	for _, file := range f.files {
		if err := file.publish(said); err != nil {
			return nil, err
		}
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
