// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strconv"
	"strings"
)

const (
	boundary = "----storm0boundary0of0all0forms"
	// idField holds an upload's id, at every endpoint.
	idField = "metadata[storm]"

	staleSignature = "5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e"
	md5Signature   = "0cc175b9c0f1b6a831c399e269772661"
	staleExpire    = "1000000000"
)

// block is what files are made of: random, so that a byte which moves does not go unseen.
var block = func() []byte {
	random, b := rand.NewChaCha8([32]byte{}), make([]byte, 1<<20)
	_, _ = random.Read(b)
	return b
}()

// jpeg is how a picture begins.
const jpeg = "\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"

// field is a field of a form, or its file.
type field struct {
	name, fileName, mediaType string
	value                     []byte
}

// message is an upload as it is sent.
type message struct {
	target    string // path and query
	mediaType string // of the body; empty if there is none
	body      []byte
	digest    digest // of what has to arrive
}

// file returns the content of the upload's file.
func (u *upload) file() []byte {
	magic := jpeg
	if u.flaw == wrongType {
		magic = "%PDF-1.7\n"
	}
	content := make([]byte, 0, len(magic)+u.size)
	content = append(content, magic...)
	for offset := u.id * 7919 % len(block); len(content) < cap(content); offset = 0 {
		content = append(content, block[offset:min(len(block), offset+cap(content)-len(content))]...)
	}
	return content
}

// credentialFields returns what the client sends as a credential of its own.
func (u *upload) credentialFields() (before, behind []field) {
	pair := func(signature, expire string) []field {
		if u.endpoint == endpointFrame {
			return []field{{name: "UPLOADCARE_SIGNATURE", value: []byte(signature)}, {name: "UPLOADCARE_EXPIRE", value: []byte(expire)}}
		}
		return []field{{name: "signature", value: []byte(signature)}, {name: "expire", value: []byte(expire)}}
	}
	switch u.credential {
	case emptyCredential:
		return pair("", ""), nil
	case staleCredential:
		return pair(staleSignature, staleExpire), nil
	case md5Credential:
		return nil, pair(md5Signature, staleExpire)
	case twoCredentials:
		return pair(md5Signature, staleExpire), pair(staleSignature, staleExpire)
	case noCredential, credentials:
	}
	return nil, nil
}

// fields returns the upload's fields in their order, and those of its credential by themselves.
func (u *upload) fields() (before, own, behind []field) {
	text := func(name, value string) { own = append(own, field{name: name, value: []byte(value)}) }
	before, behind = u.credentialFields()
	key := "UPLOADCARE_PUB_KEY"
	if u.endpoint == endpointURL || u.endpoint == endpointGroup {
		key = "pub_key"
	}
	if !u.keyLast {
		text(key, u.project)
	}
	id := strconv.Itoa(u.id)
	text(idField, id)
	switch u.endpoint {
	case endpointBase, endpointFrame:
		text("UPLOADCARE_STORE", "auto")
		if u.endpoint == endpointFrame {
			text("file_id", fmt.Sprintf("00000000-0000-4000-8000-%012d", u.id))
		}
		own = append(own, field{"file", id + ".jpg", "image/jpeg", u.file()})
	case endpointStart:
		text("filename", id+".jpg")
		text("size", "200000")
		text("content_type", "image/jpeg")
	case endpointURL:
		text("source_url", "https://example.com/pictures/"+id+".jpg?a=1&b=2")
	case endpointGroup:
		text("files[]", fmt.Sprintf("00000000-0000-4000-8000-%012d/-/resize/%dx/", u.id, u.size))
		text("files[]", "6c5e9526-b0fe-4739-8975-72e8d5ee6342")
	}
	if u.keyLast {
		text(key, u.project)
	}
	return before, own, behind
}

// message returns the upload as it is sent.
func (u *upload) message() message {
	before, own, behind := u.fields()
	m := message{target: u.endpoint}
	if u.jsonErrors && u.encoding != query {
		m.target += "?jsonerrors=1"
	}
	if u.jsonErrors && u.encoding == query {
		own = append(own, field{name: "jsonerrors", value: []byte("1")})
	}
	all := append(append(before, own...), behind...)
	switch u.encoding {
	case multipartForm:
		m.mediaType, m.body = "multipart/form-data; boundary="+boundary, u.multipart(all)
	case urlencoded:
		m.mediaType, m.body = "application/x-www-form-urlencoded", []byte(pairs(all))
	case query:
		m.target += "?" + pairs(all)
	}
	m.digest = digestOf(own)
	return m
}

// multipart returns a form. Without its end it is not closed.
func (u *upload) multipart(fields []field) []byte {
	var form bytes.Buffer
	form.Grow(u.size + 2<<10)
	for _, f := range fields {
		fmt.Fprintf(&form, "--%s\r\nContent-Disposition: form-data; name=%q", boundary, f.name)
		if f.fileName != "" {
			fmt.Fprintf(&form, "; filename=%q\r\nContent-Type: %s", f.fileName, f.mediaType)
		}
		form.WriteString("\r\n\r\n")
		form.Write(f.value)
		form.WriteString("\r\n")
	}
	if u.flaw != unclosed {
		form.WriteString("--" + boundary + "--\r\n")
	}
	return form.Bytes()
}

// pairs returns fields in urlencoded form, in their order.
func pairs(fields []field) string {
	all := make([]string, len(fields))
	for i, f := range fields {
		all[i] = url.QueryEscape(f.name) + "=" + url.QueryEscape(string(f.value))
	}
	return strings.Join(all, "&")
}
