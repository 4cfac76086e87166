// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const (
	stormUploads = 20_000
	stormWorkers = 16
	stormReloads = 10
)

// count is how many uploads ended how, by project, endpoint and outcome.
type count map[[3]string]int

// Invariant 12: of 20,000 uploads through a gateway that is reloaded meanwhile, accepted,
// rejected, retried, refused, left and failed ones among them, each is counted once, with
// its outcome, for its project and endpoint, and has one line in the access log.
func TestInvariant12OutcomesAddUpInAStorm(t *testing.T) {
	s := newStorm(t)
	// A line for each refusal would be most of what a failure of the test shows.
	silent := "log {\n\t\toutput discard\n\t}"
	p := start(t, s.caddyfile(0), silent)
	want, began := make(count), time.Now()
	var mu sync.Mutex
	var next atomic.Int64
	var workers sync.WaitGroup
	for range stormWorkers {
		workers.Go(func() {
			sent := make(count)
			for n := next.Add(1) - 1; n < stormUploads; n = next.Add(1) - 1 {
				kind := stormKinds[n%int64(len(stormKinds))]
				sent[[3]string{kind.counted(), kind.endpoint, kind.outcome}]++
				if err := s.insist(kind); err != nil {
					t.Errorf("%s: %v", kind.what, err)
					return
				}
			}
			mu.Lock()
			defer mu.Unlock()
			for key, n := range sent {
				want[key] += n
			}
		})
	}
	for reload := 1; reload <= stormReloads; reload++ {
		within(t, 2*time.Minute, "the storm goes on", func() bool { return next.Load() >= int64(reload*stormUploads/(stormReloads+1)) })
		p.load(t, s.caddyfile(reload, "admin "+p.admin, "persist_config off", silent))
	}
	workers.Wait()
	t.Logf("%d uploads of %d kinds in %s; %d connections were not accepted", stormUploads, len(stormKinds), time.Since(began).Round(time.Second), s.resets.Load())

	var got, logged count
	within(t, 30*time.Second, "all uploads have ended", func() bool {
		got, logged = p.outcomes(t), s.logged(t)
		return sum(got) >= stormUploads && sum(logged) >= stormUploads
	})
	if retries := p.retries(t); retries < stormUploads/len(stormKinds) {
		t.Errorf("%d uploads were retried", retries)
	}
	if !maps.Equal(got, want) {
		t.Errorf("the metrics have\n%v, want\n%v", got, want)
	}
	if !maps.Equal(logged, want) {
		t.Errorf("the access log has\n%v, want\n%v", logged, want)
	}
}

func sum(c count) (total int) {
	for _, n := range c {
		total += n
	}
	return total
}

// retries returns how many uploads the gateway has retried, and rejected in the end.
func (p *process) retries(t *testing.T) (total int) {
	t.Helper()
	_, scrape := get(t, "http://"+p.admin+"/metrics")
	for _, match := range regexp.MustCompile(`(?m)^caddy_uploadcare_retries_total\{outcome="rejected",.*\} (\d+)$`).FindAllSubmatch(scrape, -1) {
		n, err := strconv.Atoi(string(match[1]))
		if err != nil {
			t.Fatal(err)
		}
		total += n
	}
	return total
}

// outcomes returns what the gateway has counted.
func (p *process) outcomes(t *testing.T) count {
	t.Helper()
	_, scrape := get(t, "http://"+p.admin+"/metrics")
	counted := make(count)
	series := regexp.MustCompile(`(?m)^caddy_uploadcare_uploads_total\{endpoint="(.*?)",outcome="(.*?)",project="(.*?)",reason=".*?"\} (\S+)$`)
	for _, match := range series.FindAllSubmatch(scrape, -1) {
		value, err := strconv.ParseFloat(string(match[4]), 64)
		if err != nil {
			t.Fatal(err)
		}
		if value > 0 {
			counted[[3]string{string(match[3]), string(match[1]), string(match[2])}] += int(value)
		}
	}
	return counted
}

// storm is a gateway's surroundings.
type storm struct {
	gateway, dead string // addresses of its sites; the upstream of the second is dead
	upstream      string
	closed        string // an upstream that cannot be dialled
	log           string // of all accesses
	client        *http.Client

	ids      atomic.Int64
	arrivals sync.Map     // channels, closed when the upload with such an id has come to the upstream
	resets   atomic.Int64 // connections that a reload has reset
}

func newStorm(t *testing.T) *storm {
	t.Helper()
	s := &storm{
		gateway: freeAddress(t), dead: freeAddress(t), closed: "http://" + freeAddress(t),
		log: filepath.Join(t.TempDir(), "access.log"),
		// A connection that a reload closes while it is idle must not cost an upload.
		client: &http.Client{Timeout: time.Minute, Transport: &http.Transport{DisableKeepAlives: true}},
	}
	s.startUpstream(t)
	return s
}

// caddyfile returns one that differs in nothing but the number of the reload, without
// which Caddy would not load it.
func (s *storm) caddyfile(reload int, options ...string) string {
	var caddyfile strings.Builder
	if len(options) > 0 {
		fmt.Fprintf(&caddyfile, "{\n\t%s\n}\n", strings.Join(options, "\n\t"))
	}
	for address, upstream := range map[string]string{s.gateway: s.upstream, s.dead: s.closed} {
		fmt.Fprintf(&caddyfile, "http://%s {\n\tbind 127.0.0.1\n\theader X-Reload %d\n\tlog {\n\t\toutput file %s {\n\t\t\troll_disabled\n\t\t}\n\t\tformat json\n\t}\n\tuploadcare {\n", address, reload, s.log)
		for _, project := range []string{"first", "second"} {
			fmt.Fprintf(&caddyfile, "\t\tproject %s {\n\t\t\tsecret_key demosecretkey another\n\t\t\tcallers anyone\n\t\t}\n", project)
		}
		fmt.Fprintf(&caddyfile, "\t\tupstream %s\n\t}\n}\n", upstream)
	}
	return caddyfile.String()
}

// logged returns what the access log has.
func (s *storm) logged(t *testing.T) count {
	t.Helper()
	file, err := os.Open(s.log)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	counted := make(count)
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var line struct {
			Uploadcare struct{ Project, Endpoint, Outcome string }
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			continue // it is being written
		}
		counted[[3]string{line.Uploadcare.Project, line.Uploadcare.Endpoint, line.Uploadcare.Outcome}]++
	}
	return counted
}
