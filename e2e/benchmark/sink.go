// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"hash/crc32"
	"io"
	"mime"
	"mime/multipart"
	"net"
	"net/http/httputil"
	"net/textproto"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// verifyHeader asks the sink to report on all parts of a form.
const verifyHeader = "Benchmark-Verify"

// runSink serves as the upstream: it takes uploads as fast as they come. It is
// a process of its own, and knows just enough of HTTP/1.1.
func runSink(arguments []string) error {
	flags := flag.NewFlagSet("sink", flag.ExitOnError)
	plain := flags.String("plain", "", "address")
	secure := flags.String("secure", "", "address, over TLS")
	certificate := flags.String("certificate", "", "directory of the certificate")
	_ = flags.Parse(arguments)

	config, err := serverTLS(*certificate)
	if err != nil {
		return err
	}
	config.NextProtos = []string{"http/1.1"}
	listener, err := net.Listen("tcp", *plain)
	if err != nil {
		return err
	}
	secureListener, err := tls.Listen("tcp", *secure, config)
	if err != nil {
		return err
	}
	go serveAll(secureListener)
	serveAll(listener)
	return nil
}

func serveAll(listener net.Listener) {
	for {
		connection, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer connection.Close()
			if err := serve(connection); err != nil {
				fmt.Fprintln(os.Stderr, "sink:", err)
			}
		}()
	}
}

// serve answers the requests of one connection.
func serve(connection net.Conn) error {
	reader := bufio.NewReaderSize(connection, 16<<10)
	buffer := make([]byte, 256<<10)
	for {
		request, err := readHead(reader)
		if err != nil {
			if errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, syscall.ECONNRESET) {
				return nil
			}
			return err
		}
		answer, err := request.take(reader, buffer)
		status := "200 OK"
		if err != nil {
			status, answer = "400 Bad Request", err.Error()
		}
		if _, err := fmt.Fprintf(connection, "HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s", status, len(answer), answer); err != nil {
			return err
		}
		if err != nil {
			return err
		}
	}
}

// head is what the sink wants to know of a request.
type head struct {
	length      int64 // -1: chunked
	contentType string
	verify      bool
}

func readHead(reader *bufio.Reader) (head, error) {
	var request head
	for first := true; ; first = false {
		line, err := reader.ReadSlice('\n')
		if err != nil {
			if first && len(line) == 0 {
				err = io.EOF
			}
			return request, err
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			return request, nil
		}
		name, value, _ := bytes.Cut(line, []byte(": "))
		switch textproto.CanonicalMIMEHeaderKey(string(name)) {
		case "Content-Length":
			if request.length, err = strconv.ParseInt(string(value), 10, 64); err != nil {
				return request, err
			}
		case "Content-Type":
			request.contentType = string(value)
		case "Transfer-Encoding":
			request.length = -1
		case verifyHeader:
			request.verify = true
		}
	}
}

// take reads the body and says what to answer.
func (h head) take(reader *bufio.Reader, buffer []byte) (string, error) {
	body := &counter{reader: io.LimitReader(reader, h.length)}
	if h.length < 0 {
		body.reader = httputil.NewChunkedReader(reader)
	}
	var answer string
	var err error
	if h.verify {
		answer, err = h.report(body)
	} else { // it has been verified before; its length can still go wrong
		answer, err = "ok", skim(body, buffer)
	}
	switch {
	case err != nil:
		return "", err
	case h.length >= 0 && body.size != h.length:
		return "", fmt.Errorf("%d bytes of %d arrived", body.size, h.length)
	case h.length < 0: // the reader of chunks leaves the trailer
		var line []byte
		if line, err = reader.ReadSlice('\n'); err == nil && len(bytes.TrimRight(line, "\r\n")) > 0 {
			err = fmt.Errorf("trailer %q", line)
		}
	}
	return answer, err
}

// skim reads a form and looks at its end.
func skim(body io.Reader, buffer []byte) error {
	const last = "--\r\n"
	var end []byte
	for {
		n, err := body.Read(buffer)
		end = append(end, buffer[max(0, n-len(last)):n]...)
		end = end[max(0, len(end)-len(last)):]
		switch {
		case err == io.EOF && string(end) != last: //nolint:errorlint // readers return io.EOF itself
			return fmt.Errorf("the form ends in %q", end)
		case err == io.EOF: //nolint:errorlint // readers return io.EOF itself
			return nil
		case err != nil:
			return err
		}
	}
}

// report describes the parts of a form.
func (h head) report(body io.Reader) (string, error) {
	_, parameters, err := mime.ParseMediaType(h.contentType)
	if err != nil {
		return "", err
	}
	parts := multipart.NewReader(body, parameters["boundary"])
	var report strings.Builder
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			rest, err := io.Copy(io.Discard, body)
			if err == nil && rest > 0 {
				err = fmt.Errorf("%d bytes after the form", rest)
			}
			return report.String(), err
		}
		if err != nil {
			return "", err
		}
		value := new(strings.Builder)
		if part.FileName() != "" {
			sum := crc32.NewIEEE()
			size, copyErr := io.Copy(sum, part)
			fmt.Fprintf(value, "%d %08x", size, sum.Sum32())
			err = copyErr
		} else {
			_, err = io.Copy(value, part)
		}
		if err != nil {
			return "", err
		}
		fmt.Fprintln(&report, arrived(part.FormName(), part.FileName(), value.String()))
	}
}

// counter counts what is read through it.
type counter struct {
	reader io.Reader
	size   int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.reader.Read(p)
	c.size += int64(n)
	return n, err
}
