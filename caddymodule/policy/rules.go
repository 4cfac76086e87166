// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

// Rules are a policy that has been checked. They are immutable and safe for concurrent
// use. Nil Rules forbid nothing.
type Rules struct {
	maxFileSize int64 // 0: no limit
	maxFiles    int   // 0: no limit
	types       *typeRule
	sources     *sourceRule
	endpoints   []string // empty: all
	metadata    []forcedMetadata
	store       string
	short       string
}

// Compile checks the policy. Its errors name the option, the value and the remedy. A nil
// or empty policy compiles to nil.
func (p *Policy) Compile() (*Rules, error) {
	if p == nil || p.isEmpty() {
		return nil, nil //nolint:nilnil // no rules
	}
	r := &Rules{maxFileSize: p.MaxFileSize, maxFiles: p.MaxFiles, store: p.Store, short: p.short()}
	if p.MaxFileSize < 0 {
		return nil, fmt.Errorf("max_file_size %d: write a size such as 25MiB, or leave it out for no limit", p.MaxFileSize)
	}
	if p.MaxFiles < 0 {
		return nil, fmt.Errorf("max_files %d: write a number such as 10, or leave it out for no limit", p.MaxFiles)
	}
	var err error
	if r.types, err = newTypeRule(p.Types); err != nil {
		return nil, err
	}
	if r.sources, err = newSourceRule(p.FromURL); err != nil {
		return nil, err
	}
	if r.endpoints, err = endpointPaths(p.Endpoints); err != nil {
		return nil, err
	}
	if r.metadata, err = forcedFields(p.Metadata); err != nil {
		return nil, err
	}
	if err := checkStoreOption(p.Store); err != nil {
		return nil, err
	}
	return r, nil
}

// isEmpty reports whether no option is set. An empty list counts as not set: generated JSON
// often has one, and would forbid all uploads.
func (p *Policy) isEmpty() bool {
	return p.MaxFileSize == 0 && len(p.Types) == 0 && len(p.FromURL) == 0 && len(p.Endpoints) == 0 && p.MaxFiles == 0 && len(p.Metadata) == 0 && p.Store == ""
}

// endpointNames are the words of the option endpoints. /iframe/ takes the same uploads as
// /base/, from browsers that are too old for it.
var endpointNames = map[string][]string{
	"base":      {uploadapi.Base, uploadapi.Iframe},
	"multipart": {uploadapi.MultipartStart},
	"from_url":  {uploadapi.FromURL},
	"group":     {uploadapi.Group},
}

// endpointPaths compiles the option endpoints. An unknown word is an error: were it
// ignored, a typo would allow every endpoint.
func endpointPaths(names []string) ([]string, error) {
	var paths []string
	for _, name := range names {
		of, known := endpointNames[name]
		if !known {
			return nil, fmt.Errorf("endpoints %q: write some of base (with /iframe/), multipart, from_url, group", name)
		}
		paths = append(paths, of...)
	}
	return paths, nil
}

// judgeEndpoint judges the endpoint of an upload. Without a list, all are allowed. The hosts of
// /from_url/ are judged when the address has been read.
func (r *Rules) judgeEndpoint(endpoint *uploadapi.SignedEndpoint) error {
	switch {
	case len(r.endpoints) > 0 && !slices.Contains(r.endpoints, endpoint.Path):
		return refuse(ErrEndpoint, "endpoints: %s is not among them", endpoint.Path)
	case endpoint.Path == uploadapi.FromURL && r.sources != nil && r.sources.off:
		return refuse(ErrSourceURLOff, "from_url: off")
	}
	return nil
}

// judgeSource judges an address from which to fetch, as parsed once for all candidates;
// err says why it could not be. The refusal has the host alone: an address may have a password
// in it, and the query of one that a storage service signed is a credential.
func (r *Rules) judgeSource(parsed source, err error) error {
	switch {
	case r.sources == nil:
		return nil
	case err != nil: // which host it has is not certain then
		return refuse(ErrSourceURL, "from_url: an address: %w", err)
	case !r.sources.allows(parsed):
		return refuse(ErrSourceURL, "from_url: %s is not among them", parsed.authority())
	}
	return nil
}

// judgeNumber judges the number of files in a form; many means that servers may find any
// number. As at the service, the error on /iframe/ differs from that on /base/.
func (r *Rules) judgeNumber(endpoint *uploadapi.SignedEndpoint, files int, many bool) error {
	if r.maxFiles == 0 || files <= r.maxFiles && !many {
		return nil
	}
	refusal := uploadapi.ErrTooManyFiles
	if endpoint.Path == uploadapi.Iframe {
		refusal = uploadapi.ErrIframeTooManyFiles
	}
	if many {
		return refuse(refusal, "max_files: servers disagree on the number")
	}
	return refuse(refusal, "max_files: file %d", files)
}

// judgePart judges what a part says that it is, before any of its content passes.
func (r *Rules) judgePart(c *claims) error {
	if r.types == nil {
		return nil
	}
	if wrong := r.types.judgeClaims(c); wrong != "" {
		return refuse(uploadapi.ErrFileType, "types: %s", wrong)
	}
	return nil
}

// judgeDescribed judges a file whose bytes do not pass here: only its type and its names, as
// the client declares them, are known. With neither, any file would pass.
func (r *Rules) judgeDescribed(c *claims) error {
	if r.types != nil && c.doubt == "" && c.silent() {
		return refuse(uploadapi.ErrFileType, "types: neither a type nor an extension")
	}
	return r.judgePart(c)
}

// String returns the rules in short, for a line in the log. It names the keys of metadata
// and not their values.
func (r *Rules) String() string {
	if r == nil {
		return "none"
	}
	return r.short
}

// short writes the options that are set as they are in a Caddyfile, so that a line in the
// log can be compared with it.
func (p *Policy) short() string {
	var parts []string
	add := func(option, value string) {
		if value == "" {
			return
		}
		if strings.Contains(value, " ") {
			value = strconv.Quote(value)
		}
		parts = append(parts, option+"="+value)
	}
	add("max_file_size", sizeText(p.MaxFileSize))
	add("types", strings.Join(p.Types, " "))
	add("from_url", strings.Join(p.FromURL, " "))
	add("endpoints", strings.Join(p.Endpoints, " "))
	if p.MaxFiles != 0 {
		add("max_files", strconv.Itoa(p.MaxFiles))
	}
	add("metadata", strings.Join(sortedKeys(p.Metadata), " "))
	add("store", p.Store)
	return strings.Join(parts, " ")
}

// sizeText writes a size in the largest unit that divides it, exactly: a rounded one in the
// log would hide a mistake.
func sizeText(size int64) string {
	if size == 0 {
		return ""
	}
	units := []string{"", "KiB", "MiB", "GiB", "TiB"}
	unit := 0
	for ; unit < len(units)-1 && size%1024 == 0; unit++ {
		size /= 1024
	}
	return strconv.FormatInt(size, 10) + units[unit]
}
