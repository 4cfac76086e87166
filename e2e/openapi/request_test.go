// SPDX-License-Identifier: Apache-2.0

package openapi

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strconv"
	"testing"
	"time"
)

const (
	publicKey = "demopublickey"
	secretKey = "demosecretkey"
)

// entry is one field of a form, or with a filename one file.
type entry struct{ name, filename, value string }

func text(name, value string) entry { return entry{name: name, value: value} }

// credential returns the fields that sign a request until expire.
func credential(expire string) []entry {
	mac := hmac.New(sha256.New, []byte(secretKey))
	mac.Write([]byte(expire))
	return []entry{text("signature", hex.EncodeToString(mac.Sum(nil))), text("expire", expire)}
}

func inAMinute() string { return strconv.FormatInt(time.Now().Add(time.Minute).Unix(), 10) }

// signed returns what every accepted request has, and more. key is the
// operation's name for the public key.
func signed(key string, more ...entry) []entry {
	return append(append(credential(inAMinute()), text(key, publicKey)), more...)
}

// without removes the fields with a name.
func without(name string, entries []entry) []entry {
	var kept []entry
	for _, e := range entries {
		if e.name != name {
			kept = append(kept, e)
		}
	}
	return kept
}

// with replaces the field of a name.
func with(name, value string, entries []entry) []entry {
	return append(without(name, entries), text(name, value))
}

// form makes the multipart request that the document describes.
func form(t *testing.T, target string, entries []entry) *http.Request {
	t.Helper()
	var body bytes.Buffer
	writer := multipart.NewWriter(&body)
	for _, e := range entries {
		var part io.Writer
		var err error
		if e.filename == "" {
			part, err = writer.CreateFormField(e.name)
		} else {
			part, err = writer.CreateFormFile(e.name, e.filename)
		}
		if err == nil {
			_, err = io.WriteString(part, e.value)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	return newRequest(t, http.MethodPost, target, writer.FormDataContentType(), &body)
}

func newRequest(t *testing.T, method, target, contentType string, body io.Reader) *http.Request {
	t.Helper()
	request, err := http.NewRequest(method, target, body)
	if err != nil {
		t.Fatal(err)
	}
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	return request
}

// query makes a GET request of names and values in turn.
func query(t *testing.T, target string, list ...string) *http.Request {
	t.Helper()
	values := make(url.Values)
	for i := 0; i < len(list); i += 2 {
		values.Set(list[i], list[i+1])
	}
	return newRequest(t, http.MethodGet, target+"?"+values.Encode(), "", nil)
}
