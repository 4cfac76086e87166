// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
)

// arrival is a request as it came to the upstream.
type arrival struct {
	method, target string
	header         [][2]string
	body           string
	trailer        [][2]string
	raw            string // all of its bytes
	complete       bool
}

var (
	// errMalformed is for bytes that are no request by the letter of RFC 9112: some server
	// would read them in another way than this one does.
	errMalformed = errors.New("malformed")

	requestLine = regexp.MustCompile("^([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([^\\x00-\\x20\\x7f]+) HTTP/1\\.1$")
	headerField = regexp.MustCompile("^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\\x00-\\x08\\x0a-\\x1f\\x7f]*?)[ \t]*$")
	decimal     = regexp.MustCompile("^[0-9]{1,18}$")
	hexadecimal = regexp.MustCompile("^[0-9A-Fa-f]{1,15}$")
)

// strictReader reads requests as RFC 9112 defines them, without any of the leniency that it
// permits: what one server accepts in another way than the next is no request here. Bytes
// beyond ASCII may be in a target: Go passes them on, and no server splits one there.
type strictReader struct {
	*bufio.Reader
	raw strings.Builder
}

// line reads a line that ends in CRLF, and has neither of them in it.
func (s *strictReader) line() (string, error) {
	text, err := s.ReadString('\n')
	s.raw.WriteString(text)
	if err != nil {
		return text, err
	}
	content, ended := strings.CutSuffix(text, "\r\n")
	if !ended || strings.ContainsAny(content, "\r\x00") {
		return content, fmt.Errorf("%w: line %q", errMalformed, text)
	}
	return content, nil
}

// bytes reads n bytes.
func (s *strictReader) bytes(n int64) (string, error) {
	var content strings.Builder
	_, err := io.CopyN(&content, s, n)
	s.raw.WriteString(content.String())
	return content.String(), err
}

// request reads one. headed is called once the head has been read. An error of io.EOF says
// that the connection has ended between two requests.
func (s *strictReader) request(headed func(*arrival)) (*arrival, error) {
	s.raw.Reset()
	a := new(arrival)
	defer func() { a.raw = s.raw.String() }()
	line, err := s.line()
	if err != nil {
		if line == "" { // also if the test has closed it
			return nil, io.EOF
		}
		return a, cutOff(err)
	}
	match := requestLine.FindStringSubmatch(line)
	if match == nil {
		return a, fmt.Errorf("%w: request line %q", errMalformed, line)
	}
	a.method, a.target = match[1], match[2]
	if a.header, err = s.fields(); err != nil {
		return a, cutOff(err)
	}
	length, err := a.framing()
	if err != nil {
		return a, err
	}
	headed(a)
	if length >= 0 {
		a.body, err = s.bytes(length)
	} else {
		err = s.chunks(a)
	}
	a.complete = err == nil
	return a, cutOff(err)
}

// fields reads header or trailer fields, and the empty line after them.
func (s *strictReader) fields() (fields [][2]string, err error) {
	for {
		line, err := s.line()
		if err != nil || line == "" {
			return fields, err
		}
		match := headerField.FindStringSubmatch(line)
		if match == nil {
			return fields, fmt.Errorf("%w: field %q", errMalformed, line)
		}
		fields = append(fields, [2]string{match[1], match[2]})
	}
}

// chunks reads a body in chunks. An extension is for one hop alone (RFC 9112, section
// 7.1.1), and none is to arrive.
func (s *strictReader) chunks(a *arrival) error {
	for {
		line, err := s.line()
		if err != nil {
			return err
		}
		if !hexadecimal.MatchString(line) {
			return fmt.Errorf("%w: chunk size %q", errMalformed, line)
		}
		size, err := strconv.ParseInt(line, 16, 64)
		if err != nil {
			return fmt.Errorf("%w: %w", errMalformed, err)
		}
		if size == 0 {
			a.trailer, err = s.fields()
			return err
		}
		content, err := s.bytes(size)
		if err != nil {
			return err
		}
		a.body += content
		end, err := s.line()
		if err != nil {
			return err
		}
		if end != "" {
			return fmt.Errorf("%w: %q after a chunk", errMalformed, end)
		}
	}
}

// framing returns the length of the body, or -1 if it comes in chunks.
func (a *arrival) framing() (length int64, err error) {
	hosts, lengths, codings := a.values("host"), a.values("content-length"), a.values("transfer-encoding")
	switch {
	case len(hosts) != 1:
		return 0, fmt.Errorf("%w: %d Host", errMalformed, len(hosts))
	case len(lengths) > 1, len(codings) > 1, len(lengths)+len(codings) > 1:
		return 0, fmt.Errorf("%w: Content-Length %q, Transfer-Encoding %q", errMalformed, lengths, codings)
	case len(codings) == 1 && codings[0] != "chunked":
		return 0, fmt.Errorf("%w: Transfer-Encoding %q", errMalformed, codings)
	case len(codings) == 1:
		return -1, nil
	case len(lengths) == 0:
		return 0, nil
	case !decimal.MatchString(lengths[0]):
		return 0, fmt.Errorf("%w: Content-Length %q", errMalformed, lengths)
	}
	return strconv.ParseInt(lengths[0], 10, 64)
}

// values returns those of a header, in lower case.
func (a *arrival) values(name string) (values []string) {
	for _, field := range a.header {
		if strings.EqualFold(field[0], name) {
			values = append(values, field[1])
		}
	}
	return values
}

// cutOff makes the end of a connection within a request an error of its own.
func cutOff(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
