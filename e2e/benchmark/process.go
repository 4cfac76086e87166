// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// tick is the unit of times in /proc: USER_HZ, which is 100 wherever Go runs.
const tick = 10 * time.Millisecond

// process is a process that the benchmark has started, with its children.
type process struct {
	command *exec.Cmd
	output  *output
	exited  chan struct{}
}

// startProcess starts a process and waits until it listens on all addresses.
func startProcess(command *exec.Cmd, addresses ...string) (*process, error) {
	p := &process{command: command, output: new(output), exited: make(chan struct{})}
	command.Stdout, command.Stderr = p.output, p.output
	if err := command.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = command.Wait()
		close(p.exited)
	}()
	for _, address := range addresses {
		for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
			connection, err := net.Dial("tcp", address)
			if err == nil {
				_ = connection.Close()
				break
			}
			select {
			case <-p.exited:
				return nil, fmt.Errorf("%s ended:\n%s", command, p.output)
			default:
			}
			if time.Now().After(deadline) {
				p.stop()
				return nil, fmt.Errorf("%s does not listen on %s:\n%s", command, address, p.output)
			}
		}
	}
	return p, nil
}

// stop asks the process to end, and kills it if it does not.
func (p *process) stop() {
	_ = p.command.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.exited:
	case <-time.After(5 * time.Second):
		// Caddy ends gracefully, and would wait for a client that hangs.
		_ = p.command.Process.Kill()
		<-p.exited
	}
}

// usage is what some processes have used so far.
type usage struct {
	cpu time.Duration
	rss int64 // bytes, now
}

// usageOf adds up what processes and their descendants have used. nginx, for one, works in
// children.
func usageOf(pids ...int) (usage, error) {
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return usage{}, err
	}
	var total usage
	// By their parents, since /proc lists all processes of the machine and no tree of
	// them.
	included := map[int]bool{}
	for _, pid := range pids {
		included[pid] = true
	}
	// Over and over, since a child may be listed before its parent.
	for grown := true; grown; {
		grown = false
		for i, file := range files {
			if file == "" {
				continue
			}
			stat, err := os.ReadFile(file)
			if err != nil { // it has ended
				files[i] = ""
				continue
			}
			pid, parent, used := parseStat(stat)
			if included[pid] || included[parent] {
				included[pid], files[i], grown = true, "", true
				total.cpu += used.cpu
				total.rss += used.rss
			}
		}
	}
	return total, nil
}

// parseStat reads /proc/<pid>/stat: the fields are numbered in proc(5), and the
// name, which is the second, may hold anything.
func parseStat(stat []byte) (pid, parent int, used usage) {
	end := bytes.LastIndexByte(stat, ')')
	first, _, _ := bytes.Cut(stat, []byte(" "))
	fields := strings.Fields(string(stat[end+1:]))
	number := func(n int) int64 {
		value, _ := strconv.ParseInt(fields[n-3], 10, 64)
		return value
	}
	pid, _ = strconv.Atoi(string(first))
	ticks := number(14) + number(15) // utime, stime
	return pid, int(number(4)), usage{time.Duration(ticks) * tick, number(24) * int64(os.Getpagesize())}
}

// busy returns the time for which all processors together have worked, for all processes of
// the machine.
func busy() (time.Duration, error) {
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
	}
	line, _, _ := strings.Cut(string(stat), "\n")
	var ticks int64
	// Without guest and guest_nice, which are part of user and nice: proc(5).
	for i, field := range strings.Fields(line)[1:9] {
		value, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, err
		}
		if i != 3 && i != 4 { // idle, iowait
			ticks += value
		}
	}
	return time.Duration(ticks) * tick, nil
}

// output retains the last 4096 bytes of what a process prints.
type output struct {
	mu  sync.Mutex
	end []byte
}

// Write implements io.Writer.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	// The end alone: a contender that logs each upload would fill the memory, which is
	// measured.
	o.end = append(o.end, p...)
	o.end = o.end[max(0, len(o.end)-4096):]
	return len(p), nil
}

// String returns the end of the output, for an error.
func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return string(o.end)
}
