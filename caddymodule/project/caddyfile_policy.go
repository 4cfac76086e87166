// SPDX-License-Identifier: Apache-2.0

package project

import (
	"strconv"

	"github.com/dustin/go-humanize"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/option"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/policy"
)

// isPolicyOption reports whether a subdirective is an option of a project's policy.
func isPolicyOption(name string) bool {
	switch name {
	case "max_file_size", "types", "from_url", "endpoints", "max_files", "metadata", "store":
		return true
	}
	return false
}

// unmarshalPolicyOption parses an option of the project's policy. Lines of a list add up; any
// other option may be there once, since of two values one would be ignored.
func (p *Project) unmarshalPolicyOption(d *caddyfile.Dispenser) error {
	if p.Policy == nil {
		p.Policy = new(policy.Policy)
	}
	// line has this option alone, so that an error of another is not reported with its line.
	name, line := d.Val(), new(policy.Policy)
	var err error
	switch name {
	case "types", "from_url", "endpoints":
		err = unmarshalPolicyList(d, name, line)
	case "metadata":
		err = unmarshalMetadata(d, p.Policy, line)
	default:
		err = unmarshalPolicyValue(d, name, p.Policy, line)
	}
	if err != nil {
		return err
	}
	// The project's Provision checks the same, for JSON; but only here the error can name the
	// line of the Caddyfile.
	if _, err := compilePolicy(line); err != nil {
		return d.WrapErr(err)
	}
	p.Policy.Types = append(p.Policy.Types, line.Types...)
	p.Policy.FromURL = append(p.Policy.FromURL, line.FromURL...)
	p.Policy.Endpoints = append(p.Policy.Endpoints, line.Endpoints...)
	return option.NoBlock(d, name)
}

// unmarshalPolicyList parses the arguments of an option that is a list.
func unmarshalPolicyList(d *caddyfile.Dispenser, name string, line *policy.Policy) error {
	arguments := d.RemainingArgs()
	if len(arguments) == 0 {
		return d.Errf("%s takes %s", name, policyLists[name])
	}
	switch name {
	case "types":
		line.Types = arguments
	case "from_url":
		line.FromURL = arguments
	case "endpoints":
		line.Endpoints = arguments
	}
	return nil
}

// policyLists has what the options that are lists consist of, for load errors.
var policyLists = map[string]string{
	"types":     "media types and file name extensions such as image/*, video/mp4 or .pdf",
	"from_url":  "hosts such as cdn.example.com or *.example.com, or off",
	"endpoints": "some of base, multipart, from_url and group",
}

// unmarshalMetadata parses `metadata <key> <value>`.
func unmarshalMetadata(d *caddyfile.Dispenser, all, line *policy.Policy) error {
	var key, value string
	if !d.AllArgs(&key, &value) {
		return d.Errf("metadata takes two arguments, a key and a value such as {http.auth.user.id}")
	}
	if _, twice := all.Metadata[key]; twice {
		return d.Errf("metadata %s already specified", key)
	}
	if all.Metadata == nil {
		all.Metadata = make(map[string]string)
	}
	all.Metadata[key] = value
	line.Metadata = map[string]string{key: value}
	return nil
}

// unmarshalPolicyValue parses an option that has one value, into both policies.
func unmarshalPolicyValue(d *caddyfile.Dispenser, name string, all, line *policy.Policy) error {
	if all.MaxFileSize != 0 && name == "max_file_size" || all.MaxFiles != 0 && name == "max_files" || all.Store != "" && name == "store" {
		return d.Errf("%s already specified", name)
	}
	var value string
	if !d.AllArgs(&value) {
		return d.Errf("%s takes one argument, %s", name, policyValues[name])
	}
	switch name {
	case "max_file_size":
		// 0 would mean no limit, as if the option were left out; a negative number is no size.
		size, err := humanize.ParseBytes(value)
		if err != nil || size == 0 || size > 1<<62 {
			return d.Errf("max_file_size: '%s' is not %s", value, policyValues[name])
		}
		line.MaxFileSize = int64(size)
		all.MaxFileSize = line.MaxFileSize
	case "max_files":
		count, err := strconv.Atoi(value)
		if err != nil || count < 1 {
			return d.Errf("max_files: '%s' is not %s", value, policyValues[name])
		}
		all.MaxFiles, line.MaxFiles = count, count
	case "store":
		if value == "" {
			return d.Errf("store takes one argument, %s", policyValues[name])
		}
		all.Store, line.Store = value, value
	}
	return nil
}

// policyValues has what the options with a single value take, for load errors.
var policyValues = map[string]string{
	"max_file_size": "a size such as 25MiB",
	"max_files":     "a positive number",
	"store":         "0, 1 or auto",
}
