// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package parsers

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"time"
)

// patience is how long a parser may take for a batch of messages.
const patience = 2 * time.Minute

// child is a parser that lives in a process of its own. It speaks the protocol
// of python/frames.py.
type child struct {
	command *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
	stderr  bytes.Buffer
	name    string
	version string
}

var errSilent = errors.New("the parser does not respond")

// startChild runs a program, and waits for it to name itself.
func startChild(program []string) (*child, error) {
	c := &child{command: exec.Command(program[0], program[1:]...)}
	c.command.Stderr = &c.stderr
	var err error
	if c.in, err = c.command.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := c.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	c.out = bufio.NewReaderSize(out, 64<<10)
	if err := c.command.Start(); err != nil {
		return nil, err
	}
	var hello struct{ Parser, Version string }
	if err := c.receive(&hello); err != nil {
		c.stop()
		return nil, err
	}
	c.name, c.version = hello.Parser, hello.Version
	return c, nil
}

func (c *child) receive(to any) error {
	line, err := c.out.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("%w: %w: %s", errSilent, err, tail(c.stderr.Bytes()))
	}
	return json.Unmarshal(line, to)
}

// tail returns the end of what a program said on stderr.
func tail(text []byte) []byte { return text[max(0, len(text)-2000):] }

// read implements [parser]. The messages are written while the readings of
// those before come back.
func (c *child) read(messages []message) ([]reading, error) {
	deadline := time.AfterFunc(patience, func() { _ = c.command.Process.Kill() })
	defer deadline.Stop()
	written := make(chan error, 1)
	go func() { written <- c.write(messages) }()
	readings := make([]reading, len(messages))
	for i := range readings {
		if err := c.receive(&readings[i]); err != nil {
			return nil, fmt.Errorf("%s, message %d of %d: %w", c.name, i, len(messages), err)
		}
	}
	return readings, <-written
}

func (c *child) write(messages []message) error {
	out := bufio.NewWriterSize(c.in, 64<<10)
	for _, m := range messages {
		header, err := json.Marshal(map[string]any{
			"method": m.method, "query": []byte(m.query), "content_type": []byte(m.contentType), "length": len(m.body),
		})
		if err != nil {
			return err
		}
		if _, err := out.Write(append(append(header, '\n'), m.body...)); err != nil {
			return err
		}
	}
	return out.Flush()
}

func (c *child) stop() {
	_ = c.in.Close()
	_ = c.command.Process.Kill()
	_ = c.command.Wait()
}
