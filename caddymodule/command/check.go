// SPDX-License-Identifier: Apache-2.0

package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/project"
)

func checkCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check [--config <path> [--adapter <name>]] [--offline] [--live] [--json]",
		Short: "Examines a config before traffic comes, and names the remedy of what is wrong",
		Long: `
Loads a config without serving it, and looks for what would keep uploads from
succeeding:

  config    it loads
  secret    the keys of secret_key can be read, and look like keys
  before    which handlers a request passes first, and whether any of them can
            decide who may upload
  source    each source is asked once, and its response judged
  storage   the storage of shared projects can be written to
  upstream  the Upload API's name resolves, and it responds over TLS
  loop      its address does not lead back to this gateway
  clock     this machine's clock agrees with the Upload API's
  live      with --live: one byte is uploaded with store=0, which proves that the
            secret key belongs to the public key

Run it where the gateway runs, with the gateway's environment and as its user.
With --offline, nothing is sent to another machine: storage, upstream, loop and clock
are left out, and of the sources, those that ask another server. A static pair that has
expired is only a warning then, so that a service manager can make a start depend on
the check.

Exits with 0 if nothing failed, also if there are warnings; with 2 if anything
failed; and with 1 if there is no config to examine.`,
		Args: cobra.NoArgs,
	}
	addConfigFlags(cmd)
	cmd.Flags().Bool("offline", false, "Send nothing to another machine")
	cmd.Flags().Bool("live", false, "Upload one byte with store=0, for each project")
	cmd.Flags().Bool("json", false, "Print the findings as JSON, one to a line")
	cmd.RunE = run(cmd, runCheck)
	return cmd
}

func runCheck(out io.Writer, flags caddycmd.Flags) (int, error) {
	if flags.Bool("live") && flags.Bool("offline") {
		return exitFailed, errors.New("--live uploads, and --offline sends nothing: leave one of them out")
	}
	c := checker{ctx: context.Background(), offline: flags.Bool("offline"), live: flags.Bool("live")}
	config, err := loadConfig(flags)
	if err != nil { // a finding, and no failure of the command: a config that does not load is what check looks for
		c.found(configError(err))
	} else {
		c.config(config)
	}
	worst, err := c.write(out, flags.Bool("json"))
	switch {
	case err != nil:
		return exitFailed, err
	case worst == failed:
		return exitFound, nil
	}
	return 0, nil
}

// verdict is how grave a finding is.
type verdict int

const (
	ok verdict = iota
	warning
	failed
)

func (v verdict) String() string { return [...]string{"ok", "warning", "failed"}[v] }

// MarshalText implements [encoding.TextMarshaler].
func (v verdict) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// finding is the result of one check on one subject, such as a project.
type finding struct {
	Check   string  `json:"check"`
	Subject string  `json:"subject,omitempty"`
	Verdict verdict `json:"verdict"`
	Text    string  `json:"text"`             // what was found, and the cause
	Remedy  string  `json:"remedy,omitempty"` // of a warning or a failure
}

// checker runs the checks, and collects what they find.
type checker struct {
	ctx           context.Context
	offline, live bool
	findings      []finding
}

func (c *checker) found(all ...finding) { c.findings = append(c.findings, all...) }

// config runs all checks on a config.
func (c *checker) config(config []byte) {
	sites, err := findSites(config)
	if err != nil {
		c.found(configError(err))
		return
	}
	// Loading a config starts its health checks, which would ask the upstreams.
	if c.offline {
		if config, err = withoutProbes(config); err != nil {
			c.found(configError(err))
			return
		}
	}
	// These read the config without loading it, so they have findings even if it does not
	// load, and about all of it: a load ends with the first error.
	c.found(checkSecrets(sites)...)
	for _, site := range sites {
		c.found(checkBefore(site))
	}
	logs := checkLogs(config)
	c.found(logs...)
	err = examine(config, func(loaded []loadedSite) {
		if !slices.ContainsFunc(logs, func(f finding) bool { return f.Verdict == failed }) {
			c.found(checkConfig(sites, project.Loaded()))
		}
		c.projects(project.Loaded())
		if len(loaded) != len(sites) {
			// A plugin's handler has routes that one of the two walks does not follow. Which
			// site is which is not known then, and a finding about the wrong one would mislead.
			return
		}
		for i, site := range loaded {
			c.site(sites[i], site)
		}
	})
	if err != nil {
		c.found(configError(err))
	}
}

// limit bounds one check that asks another machine, in time: `check` is run by scripts
// before a deployment, and a firewall that drops packets must not make them hang.
const limit = 20 * time.Second

// within runs a check that asks another machine, unless --offline forbids that.
func (c *checker) within(check func(ctx context.Context) finding) {
	if c.offline {
		return
	}
	ctx, cancel := context.WithTimeout(c.ctx, limit)
	defer cancel()
	c.found(check(ctx))
}

// write writes the findings, and returns the gravest verdict.
func (c *checker) write(out io.Writer, asJSON bool) (worst verdict, err error) {
	// In the order in which they were found, which is that of an upload's way: of several
	// failures the first is usually the cause.
	for _, f := range c.findings {
		worst = max(worst, f.Verdict)
		if asJSON {
			err = errors.Join(err, json.NewEncoder(out).Encode(f))
			continue
		}
		subject := f.Subject
		if subject != "" {
			subject += ": "
		}
		_, writeErr := fmt.Fprintf(out, "%-8s %-9s %s\n", f.Verdict, f.Check, oneLine(subject+f.Text))
		if f.Remedy != "" {
			_, _ = fmt.Fprintf(out, "%-8s %-9s %s\n", "", "remedy", oneLine(f.Remedy))
		}
		err = errors.Join(err, writeErr)
	}
	return worst, err
}
