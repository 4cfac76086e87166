// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

// metrics are what a scrape of a gateway shows.
type metrics struct {
	outcomes   outcomes
	inFlight   int
	goroutines int
	heap       int64 // bytes in use
}

var errStatus = errors.New("unexpected status")

// get requests a path of a gateway's admin API.
func (g *gateway) get(path string) (*http.Response, error) {
	response, err := http.Get("http://" + g.admin + path)
	if err == nil && response.StatusCode != http.StatusOK {
		_ = response.Body.Close()
		err = fmt.Errorf("%s: %w %s", path, errStatus, response.Status)
	}
	return response, err
}

// scrape takes a gateway's metrics.
func (g *gateway) scrape() (metrics, error) {
	m := metrics{outcomes: make(outcomes)}
	response, err := g.get("/metrics")
	if err != nil {
		return m, err
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		series, text, _ := strings.Cut(lines.Text(), " ")
		name, labels, _ := strings.Cut(series, "{")
		// A label's value has no blank, or the number would not parse.
		value, err := strconv.ParseFloat(text, 64)
		if err != nil {
			continue
		}
		switch name {
		case "caddy_uploadcare_uploads_total":
			if _, rest, ok := strings.Cut(labels, `outcome="`); ok && value > 0 {
				outcome, _, _ := strings.Cut(rest, `"`)
				m.outcomes[outcome] += int(value)
			}
		case "caddy_uploadcare_uploads_in_flight":
			m.inFlight += int(value)
		case "go_goroutines":
			m.goroutines = int(value)
		case "go_memstats_heap_inuse_bytes":
			m.heap = int64(value)
		}
	}
	return m, lines.Err()
}

// resources are what a process holds.
type resources struct {
	files, goroutines int
	heap, rss         int64 // bytes
}

// String returns the resources for the report.
func (r resources) String() string {
	return fmt.Sprintf("%d file descriptors, %d goroutines, heap %.1f MiB, RSS %.1f MiB", r.files, r.goroutines, float64(r.heap)/(1<<20), float64(r.rss)/(1<<20))
}

// What a process may hold beyond what it held at first. Connections to Redis are kept, as
// many as were once needed at a time, each with a descriptor and a goroutine or two; a heap
// that was large once is returned to the system slowly.
const (
	moreFiles, moreGoroutines = 16, 24
	moreHeap, moreRSS         = 16 << 20, 96 << 20
)

// exceeds reports whether a process holds more than it should, compared with what it did.
func (r resources) exceeds(before resources) bool {
	return r.files > before.files+moreFiles || r.goroutines > before.goroutines+moreGoroutines ||
		r.heap > before.heap+moreHeap || r.rss > before.rss+moreRSS
}

// measure returns what a gateway's process holds when its garbage has been collected.
func (g *gateway) measure() (r resources, err error) {
	for range 2 { // pools are emptied by the second
		response, err := g.get("/debug/pprof/heap?gc=1")
		if err != nil {
			return r, err
		}
		_, _ = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
	}
	http.DefaultClient.CloseIdleConnections()
	m, err := g.scrape()
	if err != nil {
		return r, err
	}
	r.goroutines, r.heap = m.goroutines, m.heap
	process := fmt.Sprintf("/proc/%d/", g.command.Process.Pid)
	files, err := os.ReadDir(process + "fd")
	if err != nil {
		return r, err
	}
	r.files = len(files)
	statm, err := os.ReadFile(process + "statm")
	if err != nil {
		return r, err
	}
	fields := strings.Fields(string(statm))
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	r.rss = pages * int64(os.Getpagesize())
	return r, err
}

// settleTime bounds how long a gateway may take to give back what uploads have used: somewhat more
// than the five minutes for which Caddy keeps a connection of HTTP/3 whose client is gone without a word.
const settleTime = 6 * time.Minute

// goroutines returns what a gateway's goroutines do, most common first, to show what it holds.
func (g *gateway) goroutines() string {
	response, err := g.get("/debug/pprof/goroutine?debug=1")
	if err != nil {
		return err.Error()
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(response.Body, 32<<10))
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// settle waits until a gateway holds no more than before, and returns what it holds.
func (g *gateway) settle(before resources) (r resources, err error) {
	for began := time.Now(); ; time.Sleep(time.Second) {
		r, err = g.measure()
		if err != nil || !r.exceeds(before) || time.Since(began) > settleTime {
			return r, err
		}
	}
}
