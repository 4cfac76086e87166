// SPDX-License-Identifier: Apache-2.0

package project

import (
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/source"
)

// Status is what an operator may know of a loaded project. No secret, signature or JWT is
// in it (invariant 8): of a secret key, there is its place in the list.
type Status struct {
	Project  string `json:"project"`
	Scheme   string `json:"scheme"`
	Source   string `json:"source"`
	Fallback string `json:"fallback,omitempty"`
	Callers  string `json:"callers"`
	Policy   string `json:"policy"`

	// State is one of the constants below.
	State State `json:"state"`
	// NotReady is why this machine cannot sign uploads to the project, or empty.
	NotReady string `json:"not_ready,omitempty"`

	// Expires is when the credential that is held expires, or has expired.
	Expires         *time.Time `json:"expires,omitempty"`
	FallbackExpires *time.Time `json:"fallback_expires,omitempty"`
	// PausedUntil is when the source may be asked again.
	PausedUntil *time.Time `json:"paused_until,omitempty"`
	// LastError is the last error of the source. State says whether the source still fails.
	LastError *Failure `json:"last_error,omitempty"`
	// LastRejection is when the service last rejected a credential, why, and the likely cause.
	LastRejection *Failure `json:"last_rejection,omitempty"`
	// UnreadableFiles are files that the options name and that cannot be read any more. What
	// they held stays in use until the config is loaded anew.
	UnreadableFiles []string `json:"unreadable_files,omitempty"`

	SecretKey  int `json:"secret_key,omitempty"` // the place of the key in use, from 1 on
	SecretKeys int `json:"secret_keys,omitempty"`

	// Storage is `working` or `failing` if the project is shared, and empty otherwise.
	Storage string `json:"storage,omitempty"`
	// ClockOffset is by how many seconds this machine's clock is corrected.
	ClockOffset float64 `json:"clock_offset_seconds"`

	// CallersGranted and CallersFailing count the callers of a source that depends on the
	// request.
	CallersGranted int `json:"callers_granted,omitempty"`
	CallersFailing int `json:"callers_failing,omitempty"`

	// Uploads counts the uploads to all projects of that name, of all handlers.
	Uploads Counts `json:"uploads"`
}

// State is whether a project's credentials can be had.
type State string

const (
	// StateOK means that the source has yielded a credential, and has not failed since.
	StateOK State = "ok"
	// StateNotAsked means that no upload has needed a credential yet.
	StateNotAsked State = "not_asked"
	// StateFailing means that the source fails. If a credential is held that has not
	// expired, uploads are signed with it.
	StateFailing State = "failing"
	// StateRefused means that the source's last response was a refusal.
	StateRefused State = "refused"
)

// Statuses returns the status of each project that is loaded, sorted by name. It asks no
// source and no storage.
func Statuses() []Status {
	projects, counts := loaded.distinct(), countUploads()
	all := make([]Status, 0, len(projects))
	for _, p := range projects {
		status := p.status()
		status.Uploads = counts.of(p.publicKey)
		all = append(all, status)
	}
	return all
}

// UnknownProject returns the counts of uploads whose project was not known.
func UnknownProject() Counts { return countUploads().of(unknownProject) }

// status returns the status without counts.
func (p *Project) status() Status {
	c := p.credentials
	cached := c.cache.Status()
	s := Status{
		Project: p.publicKey, Scheme: p.Scheme, Source: sourceName(p.source), Fallback: p.fallbackName(),
		Callers: p.callers(), Policy: p.rules.String(),
		State: p.state(), LastError: c.asked.last.Load(), LastRejection: c.rejected.Load(),
		Expires:     moment(cached.Expire),
		ClockOffset: c.clock.Offset().Seconds(),
	}
	if cached.Pause > 0 {
		until := time.Now().Add(cached.Pause).UTC().Truncate(time.Second)
		s.PausedUntil = &until
	}
	if held, ok := p.held(p.source); ok {
		s.Expires = moment(held.Expire)
	}
	if held, ok := p.held(p.fallback); ok {
		s.FallbackExpires = moment(held.Expire)
	}
	for _, src := range []source.Source{p.source, p.fallback} {
		if reader, ok := src.(interface{ UnreadableFiles() []string }); ok {
			s.UnreadableFiles = append(s.UnreadableFiles, reader.UnreadableFiles()...)
		}
	}
	if p.keyring != nil {
		s.SecretKey, s.SecretKeys = c.rotation.Active()+1, len(p.keyring.keys)
	}
	if p.fleet != nil {
		if s.Storage = "working"; p.fleet.Fails() {
			s.Storage = "failing"
		}
	}
	if p.perRequest != nil {
		s.CallersGranted, s.CallersFailing = c.callers.Status()
	}
	s.NotReady = p.notReady()
	return s
}

// state returns whether credentials can be had, as far as that is known.
func (p *Project) state() State {
	asked := &p.credentials.asked
	last := asked.last.Load()
	switch {
	case asked.fails():
		return StateFailing
	case last != nil && last.Kind == "refused" && p.perRequest == nil && !p.hasCredential():
		return StateRefused
	case asked.granted.Load(), p.hasCredential():
		return StateOK
	default:
		return StateNotAsked
	}
}

// held returns the credential of a source that has one fixed credential, even if it has
// expired: the cache is not asked, which has nothing before the first upload.
func (p *Project) held(src source.Source) (source.Token, bool) {
	fixed, ok := src.(source.FixedSource)
	if !ok {
		return source.Token{}, false
	}
	held, err := heldBy(fixed)
	return held, err == nil
}

// moment returns the time of an expiry, or nil if there is none.
func moment(expire int64) *time.Time {
	if expire == 0 {
		return nil
	}
	at := time.Unix(expire, 0).UTC()
	return &at
}
