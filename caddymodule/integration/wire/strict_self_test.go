// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"bufio"
	"errors"
	"io"
	"strings"
	"testing"
)

// The strict reader takes nothing that another server might read differently. Otherwise the
// suite would see no fault in what arrives.
func TestTheStrictReaderIsStrict(t *testing.T) {
	const head = "POST / HTTP/1.1\r\nHost: a\r\n"
	tests := map[string]struct {
		raw  string
		want error
		body string
	}{
		"a length":                   {head + "Content-Length: 3\r\n\r\nabc", nil, "abc"},
		"chunks":                     {head + "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n", nil, "abc"},
		"no body":                    {head + "\r\n", nil, ""},
		"a blank value":              {head + "X:\r\n\r\n", nil, ""},
		"nothing":                    {"", io.EOF, ""},
		"a short body":               {head + "Content-Length: 3\r\n\r\nab", io.ErrUnexpectedEOF, "ab"},
		"a short head":               {head, io.ErrUnexpectedEOF, ""},
		"no last chunk":              {head + "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n", io.ErrUnexpectedEOF, "a"},
		"a bare line feed":           {"POST / HTTP/1.1\nHost: a\n\n", errMalformed, ""},
		"a bare line feed, later":    {head + "X: y\nZ: z\r\n\r\n", errMalformed, ""},
		"a bare carriage return":     {head + "X: y\rZ: z\r\n\r\n", errMalformed, ""},
		"NUL":                        {head + "X: y\x00\r\n\r\n", errMalformed, ""},
		"another control character":  {head + "X: y\x0bz\r\n\r\n", errMalformed, ""},
		"a blank before the colon":   {head + "X : y\r\n\r\n", errMalformed, ""},
		"a folded line":              {head + "X: y\r\n z\r\n\r\n", errMalformed, ""},
		"no colon":                   {head + "X\r\n\r\n", errMalformed, ""},
		"two lengths":                {head + "Content-Length: 0\r\nContent-Length: 0\r\n\r\n", errMalformed, ""},
		"a list of lengths":          {head + "Content-Length: 0, 0\r\n\r\n", errMalformed, ""},
		"a signed length":            {head + "Content-Length: +0\r\n\r\n", errMalformed, ""},
		"a length and chunks":        {head + "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", errMalformed, ""},
		"another coding":             {head + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", errMalformed, ""},
		"a coding in capitals":       {head + "Transfer-Encoding: Chunked\r\n\r\n0\r\n\r\n", errMalformed, ""},
		"an extension":               {head + "Transfer-Encoding: chunked\r\n\r\n0;a=b\r\n\r\n", errMalformed, ""},
		"a trailer":                  {head + "Transfer-Encoding: chunked\r\n\r\n0\r\nX: y\r\n\r\n", nil, ""},
		"a trailer without a colon":  {head + "Transfer-Encoding: chunked\r\n\r\n0\r\nX\r\n\r\n", errMalformed, ""},
		"a control in the target":    {"POST /\x01 HTTP/1.1\r\nHost: a\r\n\r\n", errMalformed, ""},
		"more than the chunk's size": {head + "Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n", errMalformed, "a"},
		"no host":                    {"POST / HTTP/1.1\r\n\r\n", errMalformed, ""},
		"two hosts":                  {head + "Host: a\r\n\r\n", errMalformed, ""},
		"another version":            {"POST / HTTP/1.0\r\nHost: a\r\n\r\n", errMalformed, ""},
		"two blanks":                 {"POST  / HTTP/1.1\r\nHost: a\r\n\r\n", errMalformed, ""},
		"a blank line first":         {"\r\n" + head + "\r\n", errMalformed, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			reader := &strictReader{Reader: bufio.NewReader(strings.NewReader(test.raw))}
			got, err := reader.request(func(*arrival) {})
			if !errors.Is(err, test.want) || test.want == nil && err != nil {
				t.Fatalf("got %v, want %v", err, test.want)
			}
			if got != nil && (got.body != test.body || got.complete != (test.want == nil)) {
				t.Errorf("got body %q, complete: %v", got.body, got.complete)
			}
		})
	}
}
