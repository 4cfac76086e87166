// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/e2e/loopback"
)

const (
	// gracePeriod is how long a stop waits for uploads; what hangs then is ended.
	gracePeriod = 8 * time.Second
	// aftermath is how much later a client may notice what has happened to a gateway.
	aftermath = 10 * time.Second
	// startTime bounds a start, and exitTime what a stop takes beyond the grace period.
	startTime, exitTime = 30 * time.Second, 20 * time.Second
)

// gateway is a place at which processes of the binary serve, one after the other.
type gateway struct {
	name, binary, home   string
	plain, secure, admin string // addresses
	config               func(reload int) *config
	storage              *availability // without which its config cannot be loaded

	mu      sync.Mutex // held while a process is started, reloaded or ended
	command *exec.Cmd
	exited  chan struct{}
	current atomic.Pointer[life]
	reloads int
	livesMu sync.Mutex
	lives   []*life

	down      atomic.Bool // no upload is to begin
	underWay  atomic.Int64
	disturbed atomic.Int64 // until when, in Unix nanoseconds, connections may be lost
	gone      func()       // called when a process has exited
}

func newGateway(name, binary, directory string) (*gateway, error) {
	g := &gateway{name: name, binary: binary, home: filepath.Join(directory, name)}
	for address, host := range map[*string]string{&g.plain: "127.0.0.1", &g.secure: "localhost", &g.admin: "127.0.0.1"} {
		port, err := loopback.FreePort()
		if err != nil {
			return nil, err
		}
		*address = net.JoinHostPort(host, port)
	}
	return g, os.MkdirAll(g.home, 0o700)
}

var (
	errExited      = errors.New("the gateway exited")
	errNotServing  = errors.New("the gateway does not serve")
	errNotExiting  = errors.New("the gateway does not exit")
	errNotReloaded = errors.New("the gateway cannot be reloaded")
)

// path is the Caddyfile's.
func (g *gateway) path() string { return filepath.Join(g.home, "Caddyfile") }

// start runs a process, and waits until it serves.
func (g *gateway) start() error {
	if err := os.WriteFile(g.path(), []byte(g.config(g.reloads).caddyfile()), 0o600); err != nil {
		return err
	}
	l := newLife(fmt.Sprintf("%s%d", g.name, g.born()+1))
	command := exec.Command(g.binary, "run", "--config", g.path())
	command.Env = append(os.Environ(), "HOME="+g.home, "XDG_DATA_HOME="+g.home, "XDG_CONFIG_HOME="+g.home, lifeVariable+"="+l.name)
	// The last process's log alone: that of each failure would fill the disk.
	stderr, err := os.Create(filepath.Join(g.home, "log"))
	if err != nil {
		return err
	}
	defer stderr.Close()
	command.Stderr = stderr
	log, output, err := os.Pipe()
	if err != nil {
		return err
	}
	command.Stdout = output
	// Clients may be served before it is known here that they are.
	g.bear(l)
	err = command.Start()
	_ = output.Close()
	if err != nil {
		_ = log.Close()
		return err
	}
	g.command, g.exited = command, make(chan struct{})
	go func(exited chan<- struct{}) {
		l.follow(log)
		_ = log.Close()
		_ = command.Wait()
		close(exited)
	}(g.exited)
	if err := g.awaitServing(); err != nil {
		l.end(unborn, 0)
		_ = command.Process.Kill()
		<-g.exited
		return err
	}
	g.disturb(time.Now().Add(aftermath))
	g.down.Store(false)
	return nil
}

// listens reports whether something listens at an address.
func listens(address string) bool {
	connection, err := net.Dial("tcp", address)
	if err == nil {
		_ = connection.Close()
	}
	return err == nil
}

func (g *gateway) awaitServing() error {
	for began := time.Now(); time.Since(began) < startTime; time.Sleep(20 * time.Millisecond) {
		select {
		case <-g.exited:
			return g.explain(errExited)
		default:
		}
		// The admin API is there before the config is loaded, and also if that fails.
		if listens(g.plain) && listens(g.secure) && listens(g.admin) {
			return nil
		}
	}
	return g.explain(errNotServing)
}

// explain adds the end of the log to an error.
func (g *gateway) explain(err error) error {
	log, _ := os.ReadFile(filepath.Join(g.home, "log"))
	return fmt.Errorf("%s: %w:\n%s", g.name, err, log[max(0, len(log)-2000):])
}

// disturb says that connections may be lost from now on until a moment.
func (g *gateway) disturb(until time.Time) {
	for {
		before := g.disturbed.Load()
		if before >= until.UnixNano() || g.disturbed.CompareAndSwap(before, until.UnixNano()) {
			return
		}
	}
}

// kill ends the process at once.
func (g *gateway) kill() error { return g.exit(os.Kill, killed) }

// terminate asks the process to stop.
func (g *gateway) terminate(ending string) error { return g.exit(syscall.SIGTERM, ending) }

// exit ends the process with a signal, and waits until it has exited and its log is read.
func (g *gateway) exit(signal os.Signal, ending string) error {
	l := g.current.Load()
	g.disturb(time.Now().Add(time.Hour)) // until it has exited
	defer func() {
		g.disturbed.Store(time.Now().Add(aftermath).UnixNano())
		g.gone()
	}()
	l.end(ending, int(g.underWay.Load()))
	if err := g.command.Process.Signal(signal); err != nil {
		return err
	}
	select {
	case <-g.exited:
		return nil
	case <-time.After(gracePeriod + exitTime):
		_ = g.command.Process.Kill()
		<-g.exited
		return g.explain(errNotExiting)
	}
}

// enter reports whether an upload may begin, which leave ends.
func (g *gateway) enter() bool {
	g.underWay.Add(1)
	if g.down.Load() {
		g.leave()
		return false
	}
	return true
}

func (g *gateway) leave() { g.underWay.Add(-1) }

// note counts how an upload ended for its client in the life that it names, or, if it cannot know, in
// each that it may have met: first is the one that there was when the upload began.
func (g *gateway) note(r *response, first int) {
	g.livesMu.Lock()
	defer g.livesMu.Unlock()
	for _, l := range g.lives[max(0, first-1):] {
		if r.life == l.name || r.life == "" && r.ending != unsent {
			l.note(r.ending)
		}
	}
}

// bear begins a life.
func (g *gateway) bear(l *life) {
	g.livesMu.Lock()
	defer g.livesMu.Unlock()
	g.lives = append(g.lives, l)
	g.current.Store(l)
}

// born returns how many lives there have been.
func (g *gateway) born() int {
	g.livesMu.Lock()
	defer g.livesMu.Unlock()
	return len(g.lives)
}

// abandon ends the process, if there is one, without looking back.
func (g *gateway) abandon() {
	if g.command == nil {
		return
	}
	_ = g.command.Process.Kill()
	<-g.exited
}
