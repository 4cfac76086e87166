// SPDX-License-Identifier: Apache-2.0

package command

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/project"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/status"
)

// table writes lines of a name and a value. Those without a value are left out.
type table struct {
	to  *tabwriter.Writer
	now time.Time
}

// newTable returns a table whose columns line up when it is flushed.
func newTable(out io.Writer) *table {
	const gap = 2
	return &table{to: tabwriter.NewWriter(out, 0, 0, gap, ' ', 0)}
}

// line writes a line. The writer keeps its error for Flush.
func (t *table) line(name, value string) {
	if value != "" {
		_, _ = fmt.Fprintf(t.to, "%s\t%s\n", name, oneLine(value))
	}
}

// oneLine returns a text without controls: some of it was sent by clients, or by servers,
// and a terminal would obey them.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return '.'
		}
		return r
	}, text)
}

// writeStatus writes the state for people.
func writeStatus(out io.Writer, gateway *status.Gateway) error {
	t := newTable(out)
	t.now = gateway.Now
	t.line("gateway", fmt.Sprintf("%s, Caddy %s", gateway.Version, gateway.Caddy))
	t.line("since", gateway.Started.Format(time.RFC3339))
	t.line("ready", ready(gateway))
	if failure := gateway.LastUpstreamError; failure != nil {
		t.line("upstream", strings.TrimSpace(failure.Upstream+" failed ")+" "+t.failure(&failure.Failure))
	}
	for i := range gateway.Projects {
		t.project(&gateway.Projects[i])
	}
	if total(gateway.UnknownProject) > 0 {
		_, _ = fmt.Fprintln(t.to)
		t.line("project", "not known: the request named none, or one that is not configured")
		t.uploads(gateway.UnknownProject)
	}
	return t.to.Flush()
}

// ready says whether the gateway is ready. The cause is in the line of each project.
func ready(gateway *status.Gateway) string {
	if gateway.Ready {
		return "yes"
	}
	if len(gateway.Projects) == 0 {
		return "no: no project is loaded"
	}
	return "no"
}

// project writes the lines of one project. Those that are about trouble are left out while there
// is none, so that they are seen when there is.
func (t *table) project(p *project.Status) {
	_, _ = fmt.Fprintln(t.to)
	t.line("project", p.Project)
	t.line("state", strings.ReplaceAll(string(p.State), "_", " "))
	t.line("not ready", p.NotReady)
	source := p.Source
	if p.SecretKeys > 0 {
		source += fmt.Sprintf(", key %d of %d", p.SecretKey, p.SecretKeys)
	}
	t.line("source", source+", scheme "+p.Scheme)
	// With what follows, an operator sees how long uploads go on if the source stays down.
	t.line("expires", t.moment(p.Expires))
	if p.Fallback != "" {
		t.line("fallback", strings.TrimSuffix(p.Fallback+", expires "+t.moment(p.FallbackExpires), ", expires "))
	}
	if failure := p.LastError; failure != nil {
		t.line("last error", t.failure(failure))
	}
	if rejection := p.LastRejection; rejection != nil {
		t.line("rejected", t.failure(rejection))
	}
	t.line("paused", t.moment(p.PausedUntil))
	if len(p.UnreadableFiles) > 0 {
		t.line("unreadable", strings.Join(p.UnreadableFiles, ", ")+" (what they held stays in use until the config is loaded anew)")
	}
	t.line("storage", p.Storage)
	if p.ClockOffset != 0 {
		t.line("clock", fmt.Sprintf("corrected by %s: set this machine's clock", seconds(p.ClockOffset)))
	}
	t.line("callers", p.Callers)
	if p.CallersGranted+p.CallersFailing > 0 {
		t.line("", fmt.Sprintf("%d with a credential, %d without", p.CallersGranted, p.CallersFailing))
	}
	t.line("policy", p.Policy)
	t.uploads(p.Uploads)
}

// uploads writes the counts, in the order of the outcomes.
func (t *table) uploads(counts project.Counts) {
	parts := make([]string, 0, len(project.Outcomes))
	for _, outcome := range project.Outcomes {
		parts = append(parts, fmt.Sprintf("%s %d", strings.ReplaceAll(outcome.String(), "_", " "), counts.Outcomes[outcome.String()]))
	}
	t.line("uploads", strings.Join(parts, ", "))
	t.nested(counts.Reasons)
	if len(counts.Clients) > 0 {
		t.line("clients", "uploads, by what each sent as a credential of its own")
		t.nested(counts.Clients)
	}
}

// nested writes counts of counts, one of the outer to a line.
func (t *table) nested(counts map[string]map[string]uint64) {
	for _, outer := range slices.Sorted(maps.Keys(counts)) {
		var parts []string
		for _, inner := range slices.Sorted(maps.Keys(counts[outer])) {
			parts = append(parts, fmt.Sprintf("%s %d", inner, counts[outer][inner]))
		}
		t.line("  "+strings.ReplaceAll(outer, "_", " "), strings.Join(parts, ", "))
	}
}

func total(counts project.Counts) (sum uint64) {
	for _, count := range counts.Outcomes {
		sum += count
	}
	return sum
}

// moment returns a time, and how far it is from the gateway's. The clock of the machine on which
// the command runs may differ.
func (t *table) moment(at *time.Time) string {
	switch {
	case at == nil:
		return ""
	case at.After(t.now):
		return fmt.Sprintf("%s, in %s", at.Format(time.RFC3339), at.Sub(t.now).Round(time.Second))
	default:
		return fmt.Sprintf("%s, %s ago", at.Format(time.RFC3339), t.now.Sub(*at).Round(time.Second))
	}
}

// failure returns when something has failed, and why.
func (t *table) failure(failure *project.Failure) string {
	return fmt.Sprintf("%s, %s: %s", t.moment(&failure.At), failure.Kind, failure.Error)
}

func seconds(s float64) time.Duration {
	return time.Duration(s * float64(time.Second)).Round(time.Second)
}
