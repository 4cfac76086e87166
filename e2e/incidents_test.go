// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// incident is something that breaks, what an operator sees of it, and how it is mended. It
// has a project, of its own name, that nothing else happens to.
type incident struct {
	name     string
	what     string // for the table in docs/operations.md
	options  string // of the project
	upstream string // and of the directive
	fault    func()
	repair   func()
	client   string // how the response to an upload begins
	log      string // a line of the log
	metric   string // a query that has a result while it lasts
	// status are lines of `caddy uploadcare status`, of its head and of the incident's
	// project, as regular expressions.
	status    []string
	alerts    []string
	gatewayOf string // the address of the project's site
}

// incidents are all of them: where each breaks a thing that is f's.
func incidents(t *testing.T, f *faults) []*incident {
	t.Helper()
	const series = "caddy_uploadcare_"
	sandboxOf := make(map[string]string)
	for _, name := range []string{"secret", "resolver", "refusal", "static", "storage"} {
		sandboxOf[name] = "upstream http://" + freeAddress(t)
	}
	return []*incident{
		{
			name: "secret", what: "wrong secret key",
			options: "secret_key {file." + f.secret + "}", upstream: sandboxOf["secret"],
			fault: func() { write(t, f.secret, "another projects key") }, repair: func() { write(t, f.secret, "demosecretkey") },
			client: "403 ", log: "the Upload API does not take",
			metric: series + `uploads_total{project="secret",outcome="rejected",reason="SignatureInvalidError"} > 0`,
			status: []string{`rejected +\S+, \d+s ago, invalid: likely cause: the secret key does not belong to the project's public key`, `  rejected +SignatureInvalidError \d+`},
			alerts: []string{"UploadcareSecretWrong secret"},
		},
		{
			name: "resolver", what: "resolver down",
			options: "resolver " + f.resolver.URL + " {\n\t\t\t\tretries 1\n\t\t\t}\n\t\t\tthreshold 2s", upstream: sandboxOf["resolver"],
			fault: func() { f.resolverDown.Store(true) }, repair: func() { f.resolverDown.Store(false) },
			client: "503 No credential can be had", log: "no credential from the source",
			metric: series + `source_up{project="resolver"} == 0`,
			status: []string{`state +failing`, `last error +\S+, \d+s ago, other: .*500.*`, `expires +\S+, \d+s ago`},
			alerts: []string{"UploadcareSourceDown resolver"},
		},
		{
			name: "refusal", what: "resolver refuses everyone",
			options: "resolver " + f.refuser.URL + "\n\t\t\tthreshold 2s", upstream: sandboxOf["refusal"],
			fault: func() { f.refuserRefuses.Store(true) }, repair: func() { f.refuserRefuses.Store(false) },
			client: "403 Uploads are not allowed", log: "credential refused by the source",
			metric: series + `uploads_total{project="refusal",outcome="refused",reason="GatewayCredentialRefusedError"} > 0`,
			status: []string{`state +refused`, `last error +\S+, \d+s ago, refused: .*403.*`, `  refused +GatewayCredentialRefusedError \d+`},
			alerts: []string{"UploadcareSourceRefuses refusal"},
		},
		{
			name: "dns", what: "upstream's name not found",
			options:  "secret_key demosecretkey",
			upstream: "upstream " + strings.Replace(f.named.URL, "127.0.0.1", upstreamName, 1) + "\n\t\tinsecure_http\n\t\ttransport uploadcare {\n\t\t\tresolvers " + f.nameServer + "\n\t\t}",
			fault:    func() { f.dnsDown.Store(true) }, repair: func() { f.dnsDown.Store(false) },
			client: "502 The Upload API cannot be reached", log: "upload refused",
			metric: series + `uploads_total{outcome="upstream_error",reason="dial"} > 0`,
			status: []string{
				`upstream +` + upstreamName + `:\d+ failed \S+, \d+s ago, dial: dial tcp: lookup ` + upstreamName + ` on ` + f.nameServer + `: no such host`,
				`  upstream error +dial \d+`,
			},
			alerts: []string{"UploadcareUpstreamUnreachable dns"},
		},
		{
			name: "clock", what: "clock ten minutes behind",
			// Shorter than the clock is off, or only the comparison of each minute shows it.
			options:  "secret_key demosecretkey\n\t\t\tlifetime 5m\n\t\t\tthreshold 1m",
			upstream: "upstream " + f.timed.URL + "\n\t\ttransport uploadcare {\n\t\t\ttls_insecure_skip_verify\n\t\t}",
			fault:    func() { f.clockOff.Store(true) }, repair: func() { f.clockOff.Store(false) },
			client: "200 ", log: "this machine's clock differs from the Upload API's",
			metric: series + `clock_offset_seconds{project="clock"} > 590`,
			status: []string{`clock +corrected by (9m59s|10m[01]s): set this machine's clock`},
			alerts: []string{"UploadcareClockOff clock"},
		},
		{
			name: "static", what: "static pair runs out",
			options: "static {file." + f.signature + "} {file." + f.expire + "}", upstream: sandboxOf["static"],
			fault: func() { f.writePair(t, pairLeft) }, repair: func() { f.writePair(t, farAway) },
			client: "503 No credential can be had", log: "the static credential has expired",
			metric: series + `static_expiry_timestamp_seconds{project="static"} - time() <= 0`,
			status: []string{`state +failing`, `expires +\S+, \d+s ago`, `last error +\S+, \d+s ago, expired: .*`},
			alerts: []string{"UploadcareStaticExpiresSoon static", "UploadcareStaticExpired static"},
		},
		{
			name: "storage", what: "disk full, of the storage for `shared`",
			options:  "resolver " + f.sharedResolver.URL + "\n\t\t\tstatic " + signatureOf("4102444800") + " 4102444800\n\t\t\tthreshold 2s\n\t\t\tshared",
			upstream: sandboxOf["storage"],
			fault:    func() { f.breakStorage(t) }, repair: func() { f.mendStorage(t) },
			client: "200 ", log: "credentials cannot be shared through the storage",
			metric: series + `storage_up{project="storage"} == 0`,
			status: []string{`storage +failing`},
			alerts: []string{"UploadcareStorageDown storage"},
		},
	}
}

// caddyfile returns the incident's site, and that of its sandbox if it has one.
func (i *incident) caddyfile(t *testing.T) string {
	t.Helper()
	i.gatewayOf = freeAddress(t)
	caddyfile := fmt.Sprintf("http://%s {\n\tbind 127.0.0.1\n\tuploadcare {\n\t\tproject %s {\n\t\t\t%s\n\t\t\tcallers anyone\n\t\t}\n\t\t%s\n\t}\n}\n", i.gatewayOf, i.name, i.options, i.upstream)
	if sandbox, ok := strings.CutPrefix(i.upstream, "upstream http://127.0.0.1"); ok && !strings.Contains(sandbox, "\n") {
		caddyfile += sandboxSite("127.0.0.1"+sandbox, "public_key "+i.name, "secret_key demosecretkey")
	}
	return caddyfile
}

// Each incident raises the alert that is meant for it, and no other, not even one that another
// incident is to raise; an operator finds a line of the log and a metric of it; and when it
// is mended, the alert clears.
func TestEachIncidentRaisesItsAlertAlone(t *testing.T) {
	f := newFaults(t)
	all := incidents(t, f)
	logged := filepath.Join(t.TempDir(), "log")
	caddyfile := ""
	for _, i := range all {
		caddyfile += i.caddyfile(t)
	}
	gateway := start(t, caddyfile, "storage file_system "+f.storage, "log {\n\t\toutput file "+logged+"\n\t\tformat json\n\t}")
	prometheus := startPrometheus(t, gateway.admin)
	visitors := visitAll(t, all)

	const info = "info"
	within(t, time.Minute, "old clients are noticed, which all of them are", func() bool { return len(prometheus.firing(t)[info]) == len(all) })
	if fire := prometheus.firing(t); len(fire) != 1 {
		t.Fatalf("nothing is broken, and these fire: %v", fire)
	}
	t.Run("names", func(t *testing.T) { checkNames(t, gateway) })
	t.Run("dashboard", func(t *testing.T) { checkDashboard(t, prometheus) })

	seen := newSightings(all, gateway)
	for _, i := range all {
		i.fault()
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("not seen: %q; fired: %v; cleared: %v; the last responses: %v; the last status:\n%s", seen.missing(), seen.fired, seen.cleared, visitors.last, seen.shown)
		}
	})
	within(t, 90*time.Second, "all alerts fire", func() bool {
		content, err := os.ReadFile(logged)
		if err != nil {
			t.Fatal(err)
		}
		seen.look(t, prometheus, visitors, string(content))
		return len(seen.missing()) == 0
	})
	for _, i := range all {
		i.repair()
	}
	seen.mended = time.Now()
	// The clock is compared each minute.
	within(t, 2*time.Minute, "all alerts clear", func() bool {
		fire := prometheus.firing(t)
		seen.clear(fire)
		return len(fire) == 1 && len(visitors.failing()) == 0
	})
	if got := slices.Sorted(maps.Keys(seen.fired)); !slices.Equal(got, seen.wanted()) {
		t.Errorf("these have fired: %v, want %v", got, seen.wanted())
	}
	t.Logf("what an operator sees:\n%s", seen.table())
}

// visitors upload to each incident's gateway all the time.
type visitors struct {
	mu   sync.Mutex
	last map[string]string // the last response, by the incident's name
}

func visitAll(t *testing.T, all []*incident) *visitors {
	t.Helper()
	v := &visitors{last: make(map[string]string)}
	done := make(chan struct{})
	var visiting sync.WaitGroup
	t.Cleanup(func() { close(done); visiting.Wait() })
	for _, i := range all {
		visiting.Go(func() {
			ticks := time.NewTicker(200 * time.Millisecond)
			defer ticks.Stop()
			for {
				select {
				case <-done:
					return
				case <-ticks.C:
				}
				response := uploadAs(i.gatewayOf, i.name)
				v.mu.Lock()
				v.last[i.name] = response
				v.mu.Unlock()
			}
		})
	}
	return v
}

func (v *visitors) response(name string) string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.last[name]
}

// failing returns whose uploads are not accepted.
func (v *visitors) failing() (names []string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for name, response := range v.last {
		if !strings.HasPrefix(response, "200 ") {
			names = append(names, name)
		}
	}
	return names
}
