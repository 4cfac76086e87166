// SPDX-License-Identifier: Apache-2.0

package loopback

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"time"
)

// Redis is a Redis of this machine, Debian's, that writes nothing to its disk. It can be
// killed and started again at its port.
type Redis struct {
	Port string

	directory string
	command   *exec.Cmd
	output    bytes.Buffer
}

var errNoRedis = errors.New("redis-server does not respond")

// NewRedis returns a Redis that does not run yet, and may use a directory.
func NewRedis(directory string) (*Redis, error) {
	port, err := FreePort()
	return &Redis{Port: port, directory: directory}, err
}

// Start runs Redis, and waits until it responds.
func (r *Redis) Start() error {
	r.output.Reset()
	r.command = exec.Command("redis-server", "--bind", "127.0.0.1", "--port", r.Port, "--save", "", "--appendonly", "no", "--dir", r.directory)
	r.command.Stdout, r.command.Stderr = &r.output, &r.output
	if err := r.command.Start(); err != nil {
		r.command = nil
		return fmt.Errorf("%w (it is in Debian's package redis-server)", err)
	}
	for range 500 {
		if pings(net.JoinHostPort("127.0.0.1", r.Port)) {
			return nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	r.Kill()
	return fmt.Errorf("%w:\n%s", errNoRedis, &r.output)
}

// Signal sends a signal to Redis, such as one that stops it for a while.
func (r *Redis) Signal(signal os.Signal) error { return r.command.Process.Signal(signal) }

// Kill ends Redis, if it runs.
func (r *Redis) Kill() {
	if r.command == nil {
		return
	}
	_ = r.command.Process.Kill()
	_ = r.command.Wait()
	r.command = nil
}

// Output returns what Redis has printed. It must not run any more.
func (r *Redis) Output() string { return r.output.String() }

// pings reports whether a Redis responds at an address.
func pings(address string) bool {
	connection, err := net.Dial("tcp", address)
	if err != nil {
		return false
	}
	defer connection.Close()
	_ = connection.SetDeadline(time.Now().Add(time.Second))
	response := make([]byte, len("+PONG"))
	_, err = io.WriteString(connection, "PING\r\n")
	if err == nil {
		_, err = io.ReadFull(connection, response)
	}
	return err == nil && string(response) == "+PONG"
}
