// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// digest is one of all fields of an upload, names and values, in their order.
type digest [16]byte

// digester computes a digest.
type digester struct{ hash.Hash }

func newDigester() digester { return digester{sha256.New()} }

// field adds a field, and returns its size.
func (d digester) field(name, fileName, mediaType string, value io.Reader) error {
	fmt.Fprintf(d, "%q %q %q ", name, fileName, mediaType)
	size, err := io.Copy(d, value)
	// Behind the value, so that what is at its end cannot be taken for another field.
	_ = binary.Write(d, binary.BigEndian, size)
	return err
}

// sum returns the digest.
func (d digester) sum() (sum digest) {
	copy(sum[:], d.Sum(nil))
	return sum
}

func digestOf(fields []field) digest {
	d := newDigester()
	for _, f := range fields {
		_ = d.field(f.name, f.fileName, f.mediaType, strings.NewReader(string(f.value)))
	}
	return d.sum()
}

// arrival is a request that has come to the upstream, whole.
type arrival struct {
	id                  int
	project             string
	digest              digest
	signatures, expires []string
}

// errNoID is for a request that is no upload of the storm's.
var errNoID = errors.New("there is no " + idField)

// maxValue bounds what the upstream holds of a field, in bytes.
const maxValue = 64 << 10

// receive reads a request. It fails unless the request is whole.
func receive(r *http.Request) (arrival, error) {
	a, d := arrival{id: -1}, newDigester()
	read := func(name, fileName, mediaType string, value io.Reader) error {
		if fileName != "" {
			return d.field(name, fileName, mediaType, value)
		}
		text, err := io.ReadAll(io.LimitReader(value, maxValue))
		if err != nil {
			return err
		}
		if a.note(name, string(text)) {
			return d.field(name, "", mediaType, strings.NewReader(string(text)))
		}
		return nil
	}
	mediaType, parameters, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	err := readPairs(r.URL.RawQuery, func(name, value string) error {
		if mediaType != "" && name == "jsonerrors" {
			return nil
		}
		return read(name, "", "", strings.NewReader(value))
	})
	switch {
	case err != nil:
	case mediaType == "multipart/form-data":
		err = readParts(r.Body, parameters["boundary"], read)
	case mediaType == "application/x-www-form-urlencoded":
		var body []byte
		if body, err = io.ReadAll(r.Body); err == nil {
			err = readPairs(string(body), func(name, value string) error { return read(name, "", "", strings.NewReader(value)) })
		}
	}
	if err == nil {
		_, err = io.Copy(io.Discard, r.Body)
	}
	if err == nil && a.id < 0 {
		err = errNoID
	}
	a.digest = d.sum()
	return a, err
}

// errNotClosed is for a form that ends before its closing delimiter.
var errNotClosed = errors.New("the form is not closed")

// readParts reads the parts of a form. The package's reader takes one that ends in a part's header
// for one that is closed.
func readParts(body io.Reader, boundary string, read func(name, fileName, mediaType string, value io.Reader) error) error {
	end := &tail{Reader: body}
	form := multipart.NewReader(end, boundary)
	for {
		part, err := form.NextRawPart()
		if errors.Is(err, io.EOF) {
			if !strings.HasSuffix(strings.TrimRight(string(end.last), "\r\n"), "\r\n--"+boundary+"--") {
				return errNotClosed
			}
			return nil
		}
		if err != nil {
			return err
		}
		if err := read(part.FormName(), part.FileName(), part.Header.Get("Content-Type"), part); err != nil {
			return err
		}
	}
}

// tail retains the last bytes that were read.
type tail struct {
	io.Reader
	last []byte
}

// tailSize holds a closing delimiter of the longest boundary (RFC 2046, section 5.1.1).
const tailSize = 128

// Read implements [io.Reader].
func (t *tail) Read(p []byte) (int, error) {
	n, err := t.Reader.Read(p)
	t.last = append(t.last, p[max(0, n-tailSize):n]...)
	t.last = t.last[max(0, len(t.last)-tailSize):]
	return n, err
}

// readPairs reads a urlencoded form, in its order, which [url.ParseQuery] loses.
func readPairs(form string, read func(name, value string) error) error {
	if form == "" {
		return nil
	}
	for pair := range strings.SplitSeq(form, "&") {
		name, value, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(name)
		if err != nil {
			return err
		}
		if value, err = url.QueryUnescape(value); err != nil {
			return err
		}
		if err := read(name, value); err != nil {
			return err
		}
	}
	return nil
}

// note takes what the upstream needs of a field, and reports whether the client may have sent
// it: a gateway adds a credential, and overwrites the name of one with letters x.
func (a *arrival) note(name, value string) bool {
	switch name {
	case "signature", "UPLOADCARE_SIGNATURE":
		a.signatures = append(a.signatures, value)
		return false
	case "expire", "UPLOADCARE_EXPIRE":
		a.expires = append(a.expires, value)
		return false
	case "UPLOADCARE_PUB_KEY", "pub_key":
		a.project = value
	case idField:
		if id, err := strconv.Atoi(value); err == nil {
			a.id = id
		}
	}
	return strings.Trim(name, "x") != ""
}
