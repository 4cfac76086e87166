// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// sightings are what was seen of incidents, and when.
type sightings struct {
	all            []*incident
	gateway        *process
	shown          string // the last status
	began, mended  time.Time
	client         map[string]string                   // the response, by the incident's name
	status         map[string]string                   // the lines, likewise
	at             map[string]map[string]time.Duration // by the incident's name, and what was seen
	fired, cleared map[string]time.Duration            // by the alert
}

func newSightings(all []*incident, gateway *process) *sightings {
	s := &sightings{
		all: all, gateway: gateway, began: time.Now(),
		client: make(map[string]string), status: make(map[string]string), at: make(map[string]map[string]time.Duration),
		fired: make(map[string]time.Duration), cleared: make(map[string]time.Duration),
	}
	for _, i := range all {
		s.at[i.name] = make(map[string]time.Duration)
	}
	return s
}

// note records that something of an incident was seen, the first time.
func (s *sightings) note(i *incident, what string, seen bool) {
	if _, before := s.at[i.name][what]; seen && !before {
		s.at[i.name][what] = time.Since(s.began)
	}
}

func (s *sightings) look(t *testing.T, p *prometheus, v *visitors, log string) {
	t.Helper()
	for severity, alerts := range p.firing(t) {
		for _, alert := range alerts {
			if _, before := s.fired[alert]; !before && severity != "info" {
				s.fired[alert] = time.Since(s.began)
			}
		}
	}
	s.shown = s.gateway.status(t)
	for _, i := range s.all {
		if lines := linesOf(i, s.shown); lines != nil {
			s.note(i, "status", true)
			s.status[i.name] = strings.Join(lines, "; ")
		}
		if response := v.response(i.name); strings.HasPrefix(response, i.client) {
			s.note(i, "client", true)
			s.client[i.name] = response
		}
		s.note(i, "log", strings.Contains(log, `"msg":"`+i.log))
		samples, err := p.query(i.metric)
		if err != nil {
			t.Fatal(err)
		}
		s.note(i, "metric", len(samples) > 0)
	}
}

// clear records which alerts do not fire any more.
func (s *sightings) clear(fire map[string][]string) {
	for alert := range s.fired {
		_, before := s.cleared[alert]
		fires := slices.Contains(fire["critical"], alert) || slices.Contains(fire["warning"], alert)
		if !before && !fires {
			s.cleared[alert] = time.Since(s.mended)
		}
	}
}

// wanted returns the alerts of all incidents.
func (s *sightings) wanted() (alerts []string) {
	for _, i := range s.all {
		alerts = append(alerts, i.alerts...)
	}
	slices.Sort(alerts)
	return alerts
}

// missing returns what has not been seen yet.
func (s *sightings) missing() (missing []string) {
	for _, i := range s.all {
		for _, what := range []string{"client", "log", "metric", "status"} {
			if _, seen := s.at[i.name][what]; !seen {
				missing = append(missing, i.name+"'s "+what)
			}
		}
	}
	for _, alert := range s.wanted() {
		if _, fired := s.fired[alert]; !fired {
			missing = append(missing, alert)
		}
	}
	return missing
}

// table returns the rows for docs/operations.md.
func (s *sightings) table() string {
	var rows strings.Builder
	for _, i := range s.all {
		alerts := ""
		for _, alert := range i.alerts {
			name, _, _ := strings.Cut(alert, " ")
			alerts += fmt.Sprintf(" `%s` (%.0f s; gone %.0f s after the repair)", name, s.fired[alert].Seconds(), s.cleared[alert].Seconds())
		}
		at := s.at[i.name]
		fmt.Fprintf(&rows, "| %s | %s (%.0f s) | `%s` (%.0f s) | `%s` (%.0f s) | `%s` (%.0f s) |%s |\n", i.what, strings.TrimSpace(s.client[i.name]), at["client"].Seconds(),
			i.log, at["log"].Seconds(), i.metric, at["metric"].Seconds(), s.status[i.name], at["status"].Seconds(), alerts)
	}
	return rows.String()
}

// status returns what `caddy uploadcare status` shows.
func (p *process) status(t *testing.T) string {
	t.Helper()
	var stderr bytes.Buffer
	command := exec.Command(p.binary, "uploadcare", "status", "--address", p.admin)
	command.Stderr = &stderr
	output, err := command.Output()
	if err != nil {
		t.Fatalf("status: %v\n%s%s", err, output, &stderr)
	}
	return string(output)
}

// linesOf returns the lines of a status by which an operator knows an incident, or nil if one
// is not there: what is before the projects, and the incident's own.
func linesOf(i *incident, status string) (lines []string) {
	parts := strings.Split(status, "\n\n")
	shown := parts[0]
	for _, part := range parts[1:] {
		if fields := strings.Fields(part); len(fields) > 1 && fields[1] == i.name {
			shown += "\n" + part
		}
	}
	for _, want := range i.status {
		line := regexp.MustCompile("(?m)^" + want + "$").FindString(shown)
		if line == "" {
			return nil
		}
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	return lines
}

// uploadAs uploads a small file to a project as an old client does, with a signature by
// MD5, and returns the status and the text of the response.
func uploadAs(address, project string) string {
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	_ = form.WriteField("UPLOADCARE_PUB_KEY", project)
	_ = form.WriteField("signature", staleSignature)
	_ = form.WriteField("expire", staleExpire)
	file, _ := form.CreateFormFile("file", "a.txt")
	_, _ = io.WriteString(file, "a file")
	_ = form.Close()
	request, err := http.NewRequest(http.MethodPost, "http://"+address+"/base/", &body)
	if err != nil {
		return err.Error()
	}
	request.Header.Set("Content-Type", form.FormDataContentType())
	request.Header.Set("User-Agent", "curl/7.88.1")
	response, err := (&http.Client{Timeout: 20 * time.Second}).Do(request)
	if err != nil {
		return err.Error()
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(response.Body)
	return fmt.Sprintf("%d %s", response.StatusCode, text)
}
