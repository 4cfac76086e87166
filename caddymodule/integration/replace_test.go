// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"
)

const replacedUploads = 50

// withGrace returns the gateways' Caddyfile with a grace period.
func (d demo) withGrace(period, options string) string {
	return "{\n\tgrace_period " + period + "\n}\n" + d.gateways(options)
}

// refuses reports whether nothing listens on an address any more.
func refuses(address string) bool {
	connection, err := net.Dial("tcp", address)
	if err != nil {
		return true
	}
	_ = connection.Close()
	return false
}

// Invariant 9: uploads under way when the gateway is asked to stop arrive, over every protocol.
func TestInvariant9AStopLosesNoneOfFiftyUploads(t *testing.T) {
	s, d := newSlowUploads(t), newDemo(t)
	d.sandbox = s.upstream()
	c := startCaddy(t, d.withGrace("1m", ""))
	d.awaitCertificate(t)
	uploads := s.begin("https://"+d.secure+"/base/", replacedUploads)
	c.terminate()
	eventually(t, "connections are refused", func() bool { return refuses(d.secure) })
	uploads.checkUnderWay("stop")
	uploads.release()
	s.end(replacedUploads)
	exits(t, c)
}

// Invariant 9: uploads under way when the config is loaded anew arrive, and so do those that
// begin after it, over every protocol.
func TestInvariant9ReloadsLoseNoneOfFiftyUploads(t *testing.T) {
	s, d := newSlowUploads(t), newDemo(t)
	d.sandbox = s.upstream()
	c := startCaddy(t, d.withGrace("10m", "")) // over HTTP/3, uploads from before a reload have so long
	d.awaitCertificate(t)
	var uploads []*batch
	for reload := 1; reload <= 3; reload++ {
		uploads = append(uploads, s.begin("https://"+d.secure+"/base/", replacedUploads))
		c.reload(strings.ReplaceAll(d.withGrace("10m", ""), "demosecretkey", fmt.Sprintf("secret%d", reload)))
		for _, batch := range uploads {
			batch.checkUnderWay(fmt.Sprintf("reload %d", reload))
		}
	}
	for _, batch := range uploads {
		batch.release()
	}
	s.end(3 * replacedUploads)
}

// What the grace period does to uploads that last longer, as docs/operations.md says: a reload
// ends those over HTTP/3, and no others.
func TestAReloadEndsHTTP3UploadsAfterTheGracePeriod(t *testing.T) {
	s, d := newSlowUploads(t), newDemo(t)
	d.sandbox = s.upstream()
	c := startCaddy(t, d.withGrace("1s", ""))
	d.awaitCertificate(t)
	uploads := s.begin("https://"+d.secure+"/base/", 6)
	c.reload(d.withGrace("1s", "threshold 40s"))
	eventually(t, "uploads are lost", func() bool { return len(s.lost()) >= 2 })
	uploads.release()
	s.running.Wait()
	if len(s.failed) != 2 || !strings.HasPrefix(s.failed[0], "HTTP/3.0") || !strings.HasPrefix(s.failed[1], "HTTP/3.0") {
		t.Errorf("lost: %q", s.failed)
	}
	if len(s.accepted) != 4 || len(s.stored) != 4 {
		t.Errorf("%d accepted, %d stored", len(s.accepted), len(s.stored))
	}
}

// afterReload begins uploads and reloads the config, and returns when the reload's grace period
// is over. What it leaves are the four uploads over HTTP/1.1 and HTTP/2.
func afterReload(t *testing.T, s *slowUploads, grace string) (*caddyProcess, *batch) {
	t.Helper()
	d := newDemo(t)
	d.sandbox = s.upstream()
	c := startCaddy(t, d.withGrace("1s", ""))
	d.awaitCertificate(t)
	uploads := s.begin("https://"+d.secure+"/base/", 6)
	c.reload(d.withGrace(grace, "threshold 40s"))
	eventually(t, "uploads over HTTP/3 are lost", func() bool { return len(s.lost()) == 2 && uploads.unfinished() == 4 })
	return c, uploads
}

// Invariant 9: a stop also waits for uploads that began before a reload whose grace period is
// over.
func TestInvariant9AStopAfterAReloadLosesNoUpload(t *testing.T) {
	s := newSlowUploads(t)
	c, uploads := afterReload(t, s, "1m")
	c.terminate()
	select {
	case <-c.exited:
		t.Errorf("Caddy has exited while %d uploads were under way", uploads.unfinished())
	case <-time.After(2 * time.Second):
	}
	uploads.release()
	s.running.Wait()
	exits(t, c)
	if len(s.accepted) != 4 || len(s.stored) != 4 {
		t.Errorf("%d accepted, %d stored, lost: %q", len(s.accepted), len(s.stored), s.failed)
	}
}

// It waits for no longer than its own grace period, and says what it has ended.
func TestAStopAfterAReloadEndsWithinItsGracePeriod(t *testing.T) {
	s := newSlowUploads(t)
	c, uploads := afterReload(t, s, "2s")
	began := time.Now()
	c.terminate()
	exits(t, c)
	if took := time.Since(began); took < 2*time.Second {
		t.Errorf("the stop took %s", took)
	}
	if output := c.output.String(); !strings.Contains(output, "4 uploads are under way") {
		t.Error("the log does not say that uploads were under way")
	}
	uploads.release()
	s.running.Wait()
	if len(s.accepted) != 0 {
		t.Errorf("%d accepted", len(s.accepted))
	}
}

// adjusted returns a text with replacements, each of which it has a place for.
func adjusted(t *testing.T, text string, oldnew ...string) string {
	t.Helper()
	for i := 0; i < len(oldnew); i += 2 {
		if !strings.Contains(text, oldnew[i]) {
			t.Fatalf("there is no %q in\n%s", oldnew[i], text)
		}
	}
	return strings.NewReplacer(oldnew...).Replace(text)
}

// Two gateways behind a load balancer are replaced one after the other, with the configs of
// docs/production.md. Uploads under way arrive, and so do those that begin meanwhile.
func TestInvariant9ARollingReplacementLosesNoUpload(t *testing.T) {
	const document = "docs/production.md"
	s := newSlowUploads(t)
	directory := documentedSecrets(t)
	gateways := []string{freeAddress(t), freeAddress(t)}
	upstreams := map[string]string{gateways[0]: s.upstream(), gateways[1]: s.upstream()} // one each
	caddyfile := func(address string) string {
		_, port, _ := strings.Cut(address, ":")
		return here(adjusted(t, documented(t, document, "shutdown_delay"),
			":8080 {", ":"+port+" {\n\tbind 127.0.0.1", "\tuploadcare {", "\tuploadcare {\n\t\tupstream http://"+upstreams[address]), directory)
	}
	var running []*caddyProcess
	for _, address := range gateways {
		running = append(running, startCaddy(t, caddyfile(address)))
	}
	d := newDemo(t)
	startCaddy(t, adjusted(t, documented(t, document, "reverse_proxy"),
		"upload.example.com {", "https://"+d.secure+" {\n\tbind 127.0.0.1",
		"$2a$14$8ucIFJ0LG2YzIHGKiq6c/.dstZUlf8st9dchOa1BCy2qf3isJ9Efe", hashedPassword,
		"10.0.0.11:8080", gateways[0], "10.0.0.12:8080", gateways[1]))
	d.awaitCertificate(t)

	begun := 0
	begin := func(count int) *batch {
		begun += count
		return s.begin("https://uploader:"+visitorPassword+"@"+d.secure+"/base/", count)
	}
	for i, c := range running {
		uploads := begin(replacedUploads)
		there := uploads.at(upstreams[gateways[i]])
		if there == 0 {
			t.Fatalf("the balancer has sent all of %d uploads to one gateway", replacedUploads)
		}
		c.terminate()
		for delay := 0; !refuses(gateways[i]); delay++ { // its shutdown_delay of five seconds
			if delay == 60 {
				t.Fatal("the gateway does not stop")
			}
			begin(3).release()
			time.Sleep(time.Second)
		}
		uploads.checkUnderWay("stop")
		if n := uploads.at(upstreams[gateways[i]]); n != there {
			t.Errorf("%d uploads were under way on the gateway, and %d are when it stops", there, n)
		}
		for range 2 { // while it waits for them
			begin(3).release()
			time.Sleep(time.Second)
		}
		uploads.release()
		exits(t, c)
		begin(3).release()
		startCaddy(t, caddyfile(gateways[i]))
		time.Sleep(2 * time.Second) // until the balancer has asked again
		begin(3).release()
	}
	s.end(begun)
}
