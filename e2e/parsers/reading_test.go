// SPDX-License-Identifier: Apache-2.0

//go:build e2e

// Package parsers feeds real form parsers the forms that clients send and what
// the gateway makes of them, and compares what they read. See README.md.
package parsers

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// message is what a parser is given of a request.
type message struct {
	method      string
	query       string
	contentType string
	body        []byte
}

// pair is a field or a parameter of a query, as a parser has it.
type pair struct{ name, value string }

// file is a file as a parser has it.
type file struct {
	name, filename, contentType string
	size                        int
	sha256                      string
}

// reading is what a parser makes of a message.
type reading struct {
	query, fields []pair
	files         []file
	failure       string // why the parser does not read it; empty if it does
	unsupported   bool   // the parser does not know bodies of this type
}

// failed reports whether there is nothing that a server would go by.
func (r *reading) failed() bool { return r.failure != "" || r.unsupported }

// params returns the fields of query and body.
func (r *reading) params() []pair { return slices.Concat(r.query, r.fields) }

func (r *reading) String() string {
	switch {
	case r.unsupported:
		return "body not supported"
	case r.failure != "":
		return "error: " + r.failure
	}
	var text strings.Builder
	for _, p := range r.query {
		fmt.Fprintf(&text, "?%.60q=%.80q ", p.name, p.value)
	}
	for _, p := range r.fields {
		fmt.Fprintf(&text, "%.60q=%.80q ", p.name, p.value)
	}
	for _, f := range r.files {
		fmt.Fprintf(&text, "%.60q=file(%.60q, %q, %d bytes, %.8s) ", f.name, f.filename, f.contentType, f.size, f.sha256)
	}
	return strings.TrimSpace(text.String())
}

// UnmarshalJSON implements [json.Unmarshaler]: see python/frames.py.
func (r *reading) UnmarshalJSON(line []byte) error {
	var raw struct {
		Query, Fields [][2]base64Text
		Files         [][5]json.RawMessage
		Error         string
		Unsupported   bool
	}
	if err := json.Unmarshal(line, &raw); err != nil {
		return err
	}
	*r = reading{query: pairs(raw.Query), fields: pairs(raw.Fields), failure: raw.Error, unsupported: raw.Unsupported}
	for _, columns := range raw.Files {
		var f file
		var name, filename, contentType base64Text
		for i, to := range []any{&name, &filename, &contentType, &f.size, &f.sha256} {
			if err := json.Unmarshal(columns[i], to); err != nil {
				return err
			}
		}
		f.name, f.filename, f.contentType = string(name), string(filename), string(contentType)
		r.files = append(r.files, f)
	}
	return nil
}

func pairs(raw [][2]base64Text) []pair {
	list := make([]pair, 0, len(raw))
	for _, p := range raw {
		list = append(list, pair{string(p[0]), string(p[1])})
	}
	return list
}

// base64Text is text that need not be UTF-8.
type base64Text string

// UnmarshalText implements [encoding.TextUnmarshaler].
func (t *base64Text) UnmarshalText(encoded []byte) error {
	decoded, err := base64.StdEncoding.DecodeString(string(encoded))
	*t = base64Text(decoded)
	return err
}
