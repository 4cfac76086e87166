// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"slices"
	"strings"
)

// offWord in the place of hosts means that nothing may be fetched.
const offWord = "off"

// sourceRule is which addresses /from_url/ may fetch.
type sourceRule struct {
	off   bool
	hosts []hostEntry
}

// hostEntry is a host, or all hosts below one.
type hostEntry struct {
	host  string // canonical; behind a wildcard it begins with a dot
	port  string // empty: the scheme's
	below bool
}

// newSourceRule compiles the option from_url.
func newSourceRule(entries []string) (*sourceRule, error) {
	if len(entries) == 0 {
		return nil, nil //nolint:nilnil // no rule
	}
	if slices.Contains(entries, offWord) {
		if len(entries) > 1 {
			return nil, fmt.Errorf("from_url: %q stands among hosts; write it alone, or leave it out", offWord)
		}
		return &sourceRule{off: true}, nil
	}
	rule := new(sourceRule)
	for _, text := range entries {
		entry, err := parseHostEntry(text)
		if err != nil {
			return nil, fmt.Errorf("from_url %q: %w; write a host such as cdn.example.com, or *.example.com for all below it", text, err)
		}
		rule.hosts = append(rule.hosts, entry)
	}
	return rule, nil
}

// parseHostEntry parses one entry, by the same rules as addresses: so entry and address
// are compared in the same spelling, whichever the operator wrote.
func parseHostEntry(text string) (hostEntry, error) {
	name, below := strings.CutPrefix(text, "*.")
	_, authority, rest, err := splitAddress("http://" + name)
	if err == nil && rest != "" {
		err = errHost
	}
	if err != nil {
		return hostEntry{}, err
	}
	name, port, err := splitPort(authority)
	if err != nil {
		return hostEntry{}, err
	}
	host, err := canonicalHost(name)
	switch {
	case err != nil:
		return hostEntry{}, err
	case !below:
		return hostEntry{host: host, port: port}, nil
	case strings.HasPrefix(host, "[") || isNumeric(host[strings.LastIndexByte(host, '.')+1:]):
		return hostEntry{}, errHost // nothing is below an address
	}
	return hostEntry{host: "." + host, port: port, below: true}, nil
}

// allows reports whether an address may be fetched. An entry without a port stands for
// the scheme's own: other ports of a host are often other people's.
func (r *sourceRule) allows(s source) bool {
	return slices.ContainsFunc(r.hosts, func(entry hostEntry) bool {
		isPort := entry.port == s.port || entry.port == "" && s.standard
		if entry.below { // the dot keeps evilexample.com out
			return isPort && strings.HasSuffix(s.host, entry.host)
		}
		return isPort && s.host == entry.host
	})
}
