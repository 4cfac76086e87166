// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"io"
	"net"
	"strings"
	"testing"
)

func TestMessagesAreReadToTheirEnd(t *testing.T) {
	const next = "HTTP/1.1 204 No Content\r\n\r\n"
	tests := map[string]struct {
		message, start, body string
		whole                bool
	}{
		"with a length":         {"HTTP/1.1 200 OK\r\nX: y\r\ncontent-length: 5\r\n\r\n12345", "HTTP/1.1 200 OK", "12345", true},
		"in chunks":             {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n12\r\n3\r\n345\r\n0\r\n\r\n", "HTTP/1.1 200 OK", "12345", true},
		"in chunks, a trailer":  {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n1\r\n0\r\nX: y\r\n\r\n", "HTTP/1.1 200 OK", "1", false},
		"without a body":        {next, "HTTP/1.1 204 No Content", "", true},
		"a length that is none": {"HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\n", "HTTP/1.1 200 OK", "", false},
	}
	for name, test := range tests {
		reader := bufio.NewReader(strings.NewReader(test.message + next))
		head, err := readHead(reader)
		var body []byte
		if err == nil {
			body, err = io.ReadAll(head.body(reader))
		}
		if err == nil {
			err = head.readTrailer(reader)
		}
		if head.start != test.start || string(body) != test.body || (err == nil) != test.whole {
			t.Errorf("%s: got %+v %q, %v", name, head, body, err)
		}
		if rest, _ := io.ReadAll(reader); test.whole && string(rest) != next {
			t.Errorf("%s: %q is left", name, rest)
		}
	}
	for _, message := range []string{"", "HTTP/1.1 200 OK", "HTTP/1.1 200 OK\r\nX: y\r\n"} {
		if _, err := readHead(bufio.NewReader(strings.NewReader(message))); err == nil {
			t.Errorf("%q: no error", message)
		}
	}
}

// What is sent again is what was sent first, and another form is another.
func TestAClientSendsTheFormThatItIsGiven(t *testing.T) {
	near, far := net.Pipe()
	c := &plainClient{address: "example.com", connection: near, reader: bufio.NewReader(near)}
	reader := bufio.NewReader(far)
	forms := []form{newForm(3000), newForm(3000), newForm(10), newForm(int64(len(block)) + 1), newForm(10), newForm(10)}
	sent := make(chan error, 1)
	go func() {
		for i, form := range forms {
			if _, err := c.upload(form, i == 1); err != nil {
				sent <- err
				return
			}
		}
		sent <- nil
	}()
	for i, form := range forms {
		request, err := readHead(reader)
		if err != nil {
			t.Fatal(err)
		}
		if request.verify != (i == 1) {
			t.Errorf("form %d: a report is asked for: %v", i, request.verify)
		}
		request.verify = true
		report, err := request.take(reader, nil)
		if err != nil || form.check(report, false, false) != nil {
			t.Fatalf("form %d, %v: arrived\n%s", i, err, report)
		}
		_, _ = io.WriteString(far, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
	}
	if err := <-sent; err != nil {
		t.Error(err)
	}
}
