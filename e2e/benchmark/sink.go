// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"hash/crc32"
	"io"
	"mime"
	"mime/multipart"
	"net"
	"os"
	"strings"
	"syscall"

	"github.com/caddy-uploadcare/caddy-uploadcare/e2e/loopback"
)

// verifyHeader is a request header that makes the sink report on all parts of a form.
const verifyHeader = "Benchmark-Verify"

// runSink serves as the upstream: it reads uploads as fast as they come. It implements just
// enough of HTTP/1.1 for that.
func runSink(arguments []string) error {
	flags := flag.NewFlagSet("sink", flag.ExitOnError)
	plain := flags.String("plain", "", "address")
	secure := flags.String("secure", "", "address, over TLS")
	certificate := flags.String("certificate", "", "directory of the certificate")
	_ = flags.Parse(arguments)

	config, err := loopback.ServerTLS(*certificate)
	if err != nil {
		return err
	}
	// It speaks no HTTP/2, which clients would otherwise negotiate.
	config.NextProtos = []string{"http/1.1"}
	listener, err := net.Listen("tcp", *plain)
	if err != nil {
		return err
	}
	secureListener, err := net.Listen("tcp", *secure)
	if err != nil {
		return err
	}
	go serveAll(secureListener, func(connection net.Conn) net.Conn {
		return tls.Server(&readAheadConn{connection, bufio.NewReaderSize(connection, readAhead)}, config)
	})
	serveAll(listener, func(connection net.Conn) net.Conn { return connection })
	return nil
}

// serveAll serves all connections of a listener. over puts TLS over a connection, or nothing.
func serveAll(listener net.Listener, over func(net.Conn) net.Conn) {
	for {
		connection, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer connection.Close()
			if err := serve(over(connection)); err != nil {
				fmt.Fprintln(os.Stderr, "sink:", err)
			}
		}()
	}
}

// readAheadConn reads several TLS records at once.
type readAheadConn struct {
	net.Conn
	reader *bufio.Reader
}

// Read implements net.Conn.
func (c *readAheadConn) Read(p []byte) (int, error) { return c.reader.Read(p) }

// serve responds to the requests of one connection.
func serve(connection net.Conn) error {
	reader := bufio.NewReaderSize(connection, readAhead)
	// One for each connection: made for each request, collecting it would be a good part
	// of the sink's work.
	buffer := make([]byte, 256<<10)
	for {
		request, err := readHead(reader)
		if err != nil {
			// A contender that is stopped may reset its connections.
			if errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, syscall.ECONNRESET) {
				return nil
			}
			return err
		}
		response, err := request.take(reader, buffer)
		status := "200 OK"
		if err != nil {
			// The contender passes it on, and the client fails with this text.
			status, response = "400 Bad Request", err.Error()
		}
		if _, err := fmt.Fprintf(connection, "HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s", status, len(response), response); err != nil {
			return err
		}
		if err != nil {
			return err
		}
	}
}

// take reads the body and returns the response.
func (h head) take(reader *bufio.Reader, buffer []byte) (string, error) {
	body := &counter{reader: h.body(reader)}
	var response string
	var err error
	if h.verify {
		response, err = h.report(body)
	} else { // the content has been verified before: only the length can still be wrong
		response, err = "ok", skim(body, buffer)
	}
	if err == nil && h.length >= 0 && body.size != h.length {
		err = fmt.Errorf("%d bytes of %d arrived", body.size, h.length)
	}
	if err == nil {
		err = h.readTrailer(reader)
	}
	return response, err
}

// skim reads a form and checks its last bytes, so that a form that was cut off does not count.
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
			// Nothing may stand outside the delimiters: strict firewalls refuse it.
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

// Read implements io.Reader.
func (c *counter) Read(p []byte) (int, error) {
	n, err := c.reader.Read(p)
	c.size += int64(n)
	return n, err
}
