// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// slowUploads are uploads of seconds, over all protocols, each with a connection and a file
// of its own. The upstream is this process, which outlives every gateway.
type slowUploads struct {
	t       *testing.T
	running sync.WaitGroup

	mu       sync.Mutex
	begun    int            // at the upstream
	stored   map[string]int // how often each file arrived whole and signed
	accepted []string       // files whose clients got a 200
	failed   []string       // the others, and why
}

func newSlowUploads(t *testing.T) (s *slowUploads, upstream string) {
	t.Helper()
	s = &slowUploads{t: t, stored: make(map[string]int)}
	return s, strings.TrimPrefix(startUpstream(t, s.store).URL, "http://")
}

// store is the upstream. A form that breaks off is not stored.
func (s *slowUploads) store(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost { // it shows that the gateway is up
		return
	}
	s.mu.Lock()
	s.begun++
	s.mu.Unlock()
	if r.ParseMultipartForm(1<<20) != nil {
		return
	}
	form := r.MultipartForm
	if len(form.File["file"]) != 1 || len(form.Value["signature"]) != 1 || len(form.Value["expire"]) != 1 {
		http.Error(w, "not signed once", http.StatusBadRequest)
		return
	}
	file, _ := form.File["file"][0].Open()
	content, _ := io.ReadAll(file)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stored[string(content)]++
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprint(w, `{"file":"00000000-0000-0000-0000-000000000000"}`)
}

// begin sends count uploads that take so long each, over the protocols in turn.
func (s *slowUploads) begin(url string, count int, duration time.Duration) {
	s.t.Helper()
	const pieces = 20
	for i := range count {
		version := []string{"HTTP/1.1", "HTTP/2.0", "HTTP/3.0"}[i%3]
		content := fmt.Sprintf("%s %d of %d at %s: %s", version, i, count, time.Now(), photo)
		client := client(s.t, version)
		request := newUpload(s.t, url, trickle(formOf(key, file("file", content)), pieces, duration/pieces))
		s.running.Go(func() {
			response, err := client.Do(request)
			if err == nil {
				var body []byte
				body, err = io.ReadAll(response.Body)
				_ = response.Body.Close()
				if err == nil && (response.StatusCode != http.StatusOK || response.Proto != version) {
					err = fmt.Errorf("%s %s %s", response.Proto, response.Status, body)
				}
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			if err != nil {
				s.failed = append(s.failed, fmt.Sprintf("%.40s: %v", content, err))
				return
			}
			s.accepted = append(s.accepted, content)
		})
	}
}

// underWay waits until so many uploads have begun to arrive.
func (s *slowUploads) underWay(count int) {
	s.t.Helper()
	eventually(s.t, "all uploads are under way", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.begun >= count
	})
}

// end waits for the uploads. None may have been lost, and none doubled.
func (s *slowUploads) end(count int) {
	s.t.Helper()
	s.running.Wait()
	for _, failed := range s.failed {
		s.t.Errorf("lost: %s", failed)
	}
	if len(s.accepted) != count || len(s.stored) != count {
		s.t.Errorf("%d uploads: %d accepted, %d stored", count, len(s.accepted), len(s.stored))
	}
	for _, content := range s.accepted {
		if times := s.stored[content]; times != 1 {
			s.t.Errorf("%.40s: stored %d times", content, times)
		}
	}
}

const (
	replacedUploads = 50
	replacedFor     = 4 * time.Second // what each of them takes
)

func exits(t *testing.T, c *caddyProcess) {
	t.Helper()
	select {
	case <-c.exited:
	case <-time.After(time.Minute):
		t.Fatal("Caddy did not exit")
	}
}

// Invariant 9: uploads under way when the gateway is asked to stop arrive, over every protocol.
func TestInvariant9AStopLosesNoneOfFiftyUploads(t *testing.T) {
	s, upstream := newSlowUploads(t)
	d := newDemo(t)
	d.sandbox = upstream
	c := startCaddy(t, "{\n\tgrace_period 1m\n}\n"+d.gateways(""))
	d.awaitCertificate(t)
	s.begin("https://"+d.secure+"/base/", replacedUploads, replacedFor)
	s.underWay(replacedUploads)
	c.terminate()
	s.end(replacedUploads)
	exits(t, c)
}

// Invariant 9: uploads under way when the config is loaded anew arrive, and so do those that
// begin after it, over every protocol.
func TestInvariant9ReloadsLoseNoneOfFiftyUploads(t *testing.T) {
	s, upstream := newSlowUploads(t)
	d := newDemo(t)
	d.sandbox = upstream
	const grace = "{\n\tgrace_period 1m\n}\n"
	c := startCaddy(t, grace+d.gateways(""))
	d.awaitCertificate(t)
	for reload := 1; reload <= 3; reload++ {
		s.begin("https://"+d.secure+"/base/", replacedUploads, replacedFor)
		s.underWay(reload * replacedUploads)
		c.reload(grace + strings.ReplaceAll(d.gateways(""), "demosecretkey", fmt.Sprintf("secret%d", reload)))
	}
	s.end(3 * replacedUploads)
}

// What the grace period does to uploads that last longer, as docs/operations.md says: a reload
// ends those over HTTP/3, and no others.
func TestAReloadEndsHTTP3UploadsAfterTheGracePeriod(t *testing.T) {
	s, upstream := newSlowUploads(t)
	d := newDemo(t)
	d.sandbox = upstream
	const grace = "{\n\tgrace_period 1s\n}\n"
	c := startCaddy(t, grace+d.gateways(""))
	d.awaitCertificate(t)
	s.begin("https://"+d.secure+"/base/", 6, replacedFor)
	s.underWay(6)
	c.reload(grace + d.gateways("threshold 40s"))
	s.running.Wait()
	if len(s.failed) != 2 || !strings.HasPrefix(s.failed[0], "HTTP/3.0") || !strings.HasPrefix(s.failed[1], "HTTP/3.0") {
		t.Errorf("lost: %q", s.failed)
	}
	if len(s.accepted) != 4 || len(s.stored) != 4 {
		t.Errorf("%d accepted, %d stored", len(s.accepted), len(s.stored))
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
	s, upstream := newSlowUploads(t)
	directory := documentedSecrets(t)
	gateways := []string{freeAddress(t), freeAddress(t)}
	caddyfile := func(address string) string {
		_, port, _ := strings.Cut(address, ":")
		return here(adjusted(t, documented(t, document, "shutdown_delay"),
			":8080 {", ":"+port+" {\n\tbind 127.0.0.1", "\tuploadcare {", "\tuploadcare {\n\t\tupstream http://"+upstream), directory)
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

	url, begun := "https://uploader:"+visitorPassword+"@"+d.secure+"/base/", 0
	begin := func(count int) {
		s.begin(url, count, replacedFor)
		begun += count
		s.underWay(begun)
	}
	begin(replacedUploads)
	for i, c := range running {
		c.terminate()
		for range 8 { // for its shutdown_delay of five seconds, while it stops, and while it is down
			begin(3)
			time.Sleep(time.Second)
		}
		exits(t, c)
		begin(3)
		startCaddy(t, caddyfile(gateways[i]))
		time.Sleep(2 * time.Second) // until the balancer has asked again
		begin(3)
	}
	s.end(begun)
}
