// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package parsers

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

// php is PHP, which reads forms in its server interface only: here FastCGI. Raised: all of its bounds on numbers and sizes.
type php struct {
	command   *exec.Cmd
	directory string
	conn      net.Conn
	in        *bufio.Reader
	script    string
	version   string
}

var phpSettings = []string{
	"cgi.force_redirect=0", "display_errors=0", "log_errors=0", "max_input_vars=100000000", "max_input_nesting_level=1000",
	"max_multipart_body_parts=100000000", "max_file_uploads=100000000", "post_max_size=0", "upload_max_filesize=1G", "memory_limit=-1",
}

func startPHP() (*php, error) {
	directory, err := os.MkdirTemp("", "php")
	if err != nil {
		return nil, err
	}
	p := &php{directory: directory}
	if p.script, err = filepath.Abs("php/reading.php"); err != nil {
		return nil, err
	}
	arguments := []string{"-n", "-b", filepath.Join(directory, "socket")}
	for _, setting := range phpSettings {
		arguments = append(arguments, "-d", setting)
	}
	p.command = exec.Command("php-cgi", arguments...)
	p.command.Env = append(os.Environ(), "PHP_FCGI_MAX_REQUESTS=0")
	if err := p.command.Start(); err != nil {
		return nil, err
	}
	if err = p.connect(); err != nil {
		p.stop()
		return nil, err
	}
	var hello struct{ Version string }
	output, err := p.exchange(message{method: "GET"})
	if err == nil {
		err = json.Unmarshal(output, &hello)
	}
	p.version = hello.Version
	return p, err
}

// connect waits until PHP listens.
func (p *php) connect() error {
	var err error
	for range 500 {
		if p.conn, err = net.Dial("unix", filepath.Join(p.directory, "socket")); err == nil {
			p.in = bufio.NewReader(p.conn)
			return p.conn.SetDeadline(time.Now().Add(patience))
		}
		time.Sleep(20 * time.Millisecond)
	}
	return err
}

func (p *php) stop() {
	if p.conn != nil {
		_ = p.conn.Close()
	}
	_ = p.command.Process.Kill()
	_ = p.command.Wait()
	_ = os.RemoveAll(p.directory)
}

// read implements [parser]. PHP closes a connection that is idle, so there is one
// for each batch.
func (p *php) read(messages []message) ([]reading, error) {
	_ = p.conn.Close()
	if err := p.connect(); err != nil {
		return nil, fmt.Errorf("PHP: %w", err)
	}
	readings := make([]reading, len(messages))
	for i, m := range messages {
		line, err := p.exchange(m)
		if err == nil {
			err = json.Unmarshal(line, &readings[i])
		}
		if err != nil {
			return nil, fmt.Errorf("PHP: %w: %q", err, line)
		}
	}
	return readings, nil
}

// exchange returns what the script writes for a message.
func (p *php) exchange(m message) ([]byte, error) {
	if _, err := p.conn.Write(p.request(m)); err != nil {
		return nil, err
	}
	output, err := p.response()
	_, line, _ := bytes.Cut(output, []byte("\r\n\r\n"))
	return line, err
}

// Types of records, and what else is needed of FastCGI 1.0.
const (
	recordBegin  = 1
	recordEnd    = 3
	recordParams = 4
	recordStdin  = 5
	recordStdout = 6

	roleResponder  = 1
	keepConnection = 1
	maxRecord      = 65535
)

var errFastCGI = errors.New("record of another request")

// request returns a request's records.
func (p *php) request(m message) []byte {
	records := appendRecord(nil, recordBegin, []byte{0, roleResponder, keepConnection, 0, 0, 0, 0, 0})
	var params []byte
	for _, param := range [][2]string{
		{"SCRIPT_FILENAME", p.script},
		{"REQUEST_METHOD", m.method},
		{"REQUEST_URI", "/base/"},
		{"QUERY_STRING", m.query},
		{"CONTENT_TYPE", m.contentType},
		{"CONTENT_LENGTH", strconv.Itoa(len(m.body))},
		{"SERVER_PROTOCOL", "HTTP/1.1"},
	} {
		for _, text := range param {
			params = binary.BigEndian.AppendUint32(params, 1<<31|uint32(len(text))) //nolint:gosec // a test's own
		}
		params = append(append(params, param[0]...), param[1]...)
	}
	records = appendStream(records, recordParams, params)
	return appendStream(records, recordStdin, m.body)
}

// appendStream appends content in records, and the empty one that ends it.
func appendStream(records []byte, kind byte, content []byte) []byte {
	for len(content) > 0 {
		n := min(len(content), maxRecord)
		records, content = appendRecord(records, kind, content[:n]), content[n:]
	}
	return appendRecord(records, kind, nil)
}

func appendRecord(records []byte, kind byte, content []byte) []byte {
	records = append(records, 1, kind, 0, 1)
	records = binary.BigEndian.AppendUint16(records, uint16(len(content))) //nolint:gosec // at most maxRecord
	return append(append(records, 0, 0), content...)
}

// response returns what the script has written.
func (p *php) response() ([]byte, error) {
	var output []byte
	for {
		var header [8]byte
		if _, err := io.ReadFull(p.in, header[:]); err != nil {
			return nil, err
		}
		size := int(binary.BigEndian.Uint16(header[4:]))
		content := make([]byte, size+int(header[6]))
		if _, err := io.ReadFull(p.in, content); err != nil {
			return nil, err
		}
		switch {
		case header[3] != 1:
			return nil, errFastCGI
		case header[1] == recordStdout:
			output = append(output, content[:size]...)
		case header[1] == recordEnd:
			return output, nil
		}
	}
}
