// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package parsers

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"maps"
	"mime/multipart"
	"net/http"
	"net/url"
	"runtime"
	"slices"
)

// goParser is one of Go's own.
type goParser func(m message, r *http.Request) reading

// read implements [parser].
func (p goParser) read(messages []message) ([]reading, error) {
	readings := make([]reading, len(messages))
	for i, m := range messages {
		readings[i] = p(m, &http.Request{
			Method: m.method, URL: &url.URL{Path: "/base/", RawQuery: m.query}, Header: http.Header{"Content-Type": {m.contentType}},
			Body: io.NopCloser(bytes.NewReader(m.body)), ContentLength: int64(len(m.body)),
		})
	}
	return readings, nil
}

func (goParser) stop() {}

// goRequest reads with [http.Request.ParseMultipartForm].
func goRequest(m message, r *http.Request) reading {
	query, _ := url.ParseQuery(m.query) // as Request.URL.Query does
	read := reading{query: sortedPairs(query)}
	if len(m.body) == 0 {
		return read
	}
	if err := r.ParseMultipartForm(1 << 30); err != nil && !errors.Is(err, http.ErrNotMultipart) {
		read.failure = err.Error()
		return read
	}
	read.fields = sortedPairs(r.PostForm)
	if r.MultipartForm == nil {
		return read
	}
	for _, name := range slices.Sorted(maps.Keys(r.MultipartForm.File)) {
		for _, header := range r.MultipartForm.File[name] {
			content, err := header.Open()
			if err != nil {
				read.failure = err.Error()
				return read
			}
			read.files = append(read.files, readFile(name, header.Filename, header.Header.Get("Content-Type"), content))
		}
	}
	return read
}

// goReader reads with [multipart.Reader], part by part.
func goReader(m message, r *http.Request) reading {
	var read reading
	if len(m.body) == 0 {
		return read
	}
	parts, err := r.MultipartReader()
	if err != nil {
		return reading{failure: err.Error(), unsupported: errors.Is(err, http.ErrNotMultipart)}
	}
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return read
		}
		if err != nil {
			read.failure = err.Error()
			return read
		}
		addPart(&read, part)
	}
}

func addPart(read *reading, part *multipart.Part) {
	if part.FileName() != "" {
		read.files = append(read.files, readFile(part.FormName(), part.FileName(), part.Header.Get("Content-Type"), part))
		return
	}
	value, err := io.ReadAll(part)
	if err != nil {
		read.failure = err.Error()
	}
	read.fields = append(read.fields, pair{part.FormName(), string(value)})
}

func readFile(name, filename, contentType string, content io.Reader) file {
	hash := sha256.New()
	size, _ := io.Copy(hash, content) // a form that breaks off fails at the next part
	return file{name, filename, contentType, int(size), hex.EncodeToString(hash.Sum(nil))}
}

func sortedPairs(values url.Values) []pair {
	var list []pair
	for _, name := range slices.Sorted(maps.Keys(values)) {
		for _, value := range values[name] {
			list = append(list, pair{name, value})
		}
	}
	return list
}

var goVersion = runtime.Version()
