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

// Bounds of what a form may keep in memory. The service has such limits but
// documents no figures; these are ours. Clients were seen to send thousands of
// fields, most of them empty.
const (
	maxFields       = 10_000
	maxFieldsLength = 8 << 20 // of all names and values
	maxFiles        = 100
	maxFieldLength  = 64 << 10
	maxNameLength   = 1 << 10
	copyBufferSize  = 32 << 10
)

// form is one multipart body: fields in memory, files on disk as they arrive.
type form struct {
	create func() (*partial, error)
	writer *bufio.Writer // one buffer for all files

	fields       url.Values
	fieldCount   int
	fieldsLength int
	files        []*partial
	fileCount    int

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
	// A body ends with its last byte, not with the closing delimiter.
	_, err := io.Copy(io.Discard, body)
	return err
}

// take reads a part. One without any name is nothing that a server could keep;
// like them, it is passed over.
func (f *form) take(header partHeader, content io.Reader) error {
	switch {
	case header.name == "" && header.filename == "":
		return nil
	case header.name == "" || len(header.name) > maxNameLength:
		return f.refuse(uploadapi.ErrParserFailed)
	case strings.ContainsRune(header.name+header.filename, 0):
		return f.refuse(uploadapi.ErrNullCharacters)
	case header.filename != "":
		return f.takeFile(header, content)
	default:
		return f.takeField(header.name, content)
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

func (f *form) takeFile(header partHeader, content io.Reader) error {
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
	file.field = header.name
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
	return file.finish(header.filename, header.contentType)
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
