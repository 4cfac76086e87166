// SPDX-License-Identifier: Apache-2.0

package command

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/project"
)

// projects runs the checks on each project.
func (c *checker) projects(projects []*project.Project) {
	for _, p := range projects {
		traits := p.Traits()
		switch {
		case traits.PerCaller:
			c.found(finding{"source", p.Name(), ok, fmt.Sprintf("%s decides for each caller, so it was not asked without one", traits.Source), ""})
		case traits.Local: // it needs no other server, so it is checked with --offline too
			f := checkSource(c.ctx, p)
			// A start depends on it: the gateway runs, and signs for its other projects.
			if c.offline && traits.Source == "static" {
				f.Verdict = min(f.Verdict, warning)
			}
			c.found(f)
		default:
			c.within(func(ctx context.Context) finding { return checkSource(ctx, p) })
		}
		if expires, has := p.TryFallback(); has {
			c.found(checkFallback(p, expires))
		}
		if traits.Shared {
			c.within(func(ctx context.Context) finding { return checkStorage(ctx, p) })
		}
	}
}

// checkSource asks a source once, and judges its response.
func checkSource(ctx context.Context, p *project.Project) finding {
	traits := p.Traits()
	expires, err := p.Try(ctx)
	if err != nil {
		return finding{"source", p.Name(), failed, traits.Source + " yields no credential: " + err.Error(), sourceRemedy(traits.Source, err.Error())}
	}
	// By this machine's clock, as the cache will see it. Whether the clock is right is what
	// the check `clock` finds.
	left := time.Until(expires).Round(time.Second)
	f := finding{"source", p.Name(), ok, fmt.Sprintf("%s yields a credential, valid for %s", traits.Source, left), ""}
	switch {
	// An access token is made for each upload: there is no threshold to be longer than.
	case traits.Local && traits.Source != "static" && traits.Threshold == 0:
	case left <= traits.Threshold && traits.Source == "static":
		f.Verdict, f.Text = warning, fmt.Sprintf("the static credential expires in %s", left)
		f.Remedy = "make another pair soon: when it has expired, every upload is refused"
	case left <= traits.Threshold && !traits.Local:
		f.Verdict, f.Text = warning, f.Text+fmt.Sprintf(", which is not longer than the threshold, %s", traits.Threshold)
		f.Remedy = "have the back end make credentials that live longer, or lower `threshold`: until then each is used for half of its life"
	}
	return f
}

// sourceRemedy returns what to do about the error of a source, by its text: the errors of a
// guest module have no types that are known here.
func sourceRemedy(source, text string) string {
	switch {
	case source == "static":
		return "make another pair: when it has expired, every upload is refused"
	case strings.Contains(text, "refused a token"):
		return "the back end gives no credential to the gateway's request: check its header, such as Authorization, and what the back end checks"
	case strings.Contains(text, "cannot be reached"), strings.Contains(text, "no response"):
		return "check the address, DNS, firewalls and the certificate, from this machine: the back end must respond while uploads come, or a `static` pair stand in for it"
	case strings.Contains(text, "expired"):
		return "compare the clocks of this machine and of the back end, and whether the back end caches what it hands out"
	case source == "secret_key":
		return "check the options of secret_key"
	default:
		return "ask the address by hand: it must respond with {\"secureSignature\": ..., \"secureExpire\": ...} and status 200"
	}
}

// checkFallback returns the finding on a fallback's credential. If it has expired, no upload
// shows that until the source fails.
func checkFallback(p *project.Project, expires time.Time) finding {
	left := time.Until(expires).Round(time.Second)
	switch {
	case left <= 0:
		return finding{"source", p.Name(), warning, fmt.Sprintf("the fallback has expired, %s ago", -left), "make another pair, or drop it: it cannot stand in for the source"}
	case left <= p.Traits().Threshold:
		return finding{"source", p.Name(), warning, fmt.Sprintf("the fallback expires in %s", left), "make another pair soon"}
	}
	return finding{"source", p.Name(), ok, fmt.Sprintf("the fallback is valid for %s", left), ""}
}

// checkStorage writes to the storage that gateways share credentials through.
func checkStorage(ctx context.Context, p *project.Project) finding {
	if err := p.TryStorage(ctx); err != nil {
		return finding{"storage", p.Name(), failed, "the storage of `shared` cannot be used: " + err.Error(), "check the global option `storage`, and that this machine and this user may write there; until then each gateway asks the source by itself"}
	}
	return finding{"storage", p.Name(), ok, "the storage of `shared` can be written to; that it is the same for all gateways cannot be seen from here", ""}
}
