// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package parsers

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
)

// request is what a client sends.
type request struct {
	method          string // POST if empty
	path            string // /base/ if empty
	query           string
	contentType     []string
	contentEncoding []string
	chunked         bool
	tokens          bool // the project's credential is an access token in the header
	body            []byte
}

// parseRequest reads a whole HTTP/1.1 request.
func parseRequest(raw []byte) (request, error) {
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(raw)))
	if err != nil {
		return request{}, err
	}
	body, err := io.ReadAll(r.Body)
	return request{
		method: r.Method, path: r.URL.Path, query: r.URL.RawQuery,
		contentType: r.Header["Content-Type"], contentEncoding: r.Header["Content-Encoding"],
		chunked: slices.Contains(r.TransferEncoding, "chunked"), body: body,
	}, err
}

func (r request) verb() string {
	if r.method == "" {
		return http.MethodPost
	}
	return r.method
}

func (r request) target() string {
	target := r.path
	if target == "" {
		target = "/base/"
	}
	if r.query != "" {
		target += "?" + r.query
	}
	return target
}

// message returns what parsers are given. Servers join a header that comes twice.
func (r request) message() message {
	return message{r.verb(), r.query, strings.Join(r.contentType, ", "), r.body}
}

// isMultipart reports whether the client means a multipart form.
func (r request) isMultipart() bool {
	return slices.ContainsFunc(r.contentType, func(value string) bool { return strings.Contains(strings.ToLower(value), "multipart") })
}

// String returns the request with everything escaped that does not print.
func (r request) String() string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s %s\n", r.verb(), escape(r.target()))
	for _, value := range r.contentType {
		fmt.Fprintf(&text, "Content-Type: %s\n", escape(value))
	}
	for _, value := range r.contentEncoding {
		fmt.Fprintf(&text, "Content-Encoding: %s\n", escape(value))
	}
	if r.chunked {
		text.WriteString("Transfer-Encoding: chunked\n")
	}
	if r.tokens {
		text.WriteString("(scheme token)\n")
	}
	text.WriteString("\n")
	const longest = 6000
	body := r.body
	if len(body) > longest {
		body = slices.Concat(body[:longest/2], fmt.Appendf(nil, " ... %d bytes ... ", len(body)-longest), body[len(body)-longest/2:])
	}
	for line := range bytes.Lines(body) {
		text.WriteString(escape(string(line)))
		text.WriteString("\n")
	}
	return text.String()
}

// escape quotes text as Go does, less the quotes.
func escape(text string) string {
	quoted := fmt.Sprintf("%+q", text)
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
}
