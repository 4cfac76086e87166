// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

// groupMember is a file of a group, and the CDN's operations on it.
type groupMember struct {
	UUID    string `json:"uuid"`
	Effects string `json:"effects,omitempty"`
}

// groupMembers reads the files of a group: `files[]` in their order, then `files[N]` in the
// order of their numbers, which may have gaps.
func groupMembers(sent fields) ([]groupMember, *uploadapi.Error) {
	// upload-client and the widget write `files[]`, the SDKs for PHP and Android
	// `files[0]`.
	entries := sent.all("files[]")
	// By number and not by text: files[10] comes after files[9].
	numbered := make(map[int]string)
	for _, name := range slices.Concat(slices.Collect(maps.Keys(sent.query)), slices.Collect(maps.Keys(sent.body))) {
		text, isFile := strings.CutPrefix(name, "files[")
		if number, err := strconv.Atoi(strings.TrimSuffix(text, "]")); isFile && err == nil && strings.HasSuffix(text, "]") {
			numbered[number] = sent.first(name)
		}
	}
	for _, number := range slices.Sorted(maps.Keys(numbered)) {
		entries = append(entries, numbered[number])
	}
	if len(entries) == 0 {
		return nil, uploadapi.ErrGroupFilesRequired
	}
	members := make([]groupMember, 0, len(entries))
	for _, entry := range entries {
		member, ok := parseMember(entry)
		if !ok {
			// With the client's own text, so that it finds the one of many.
			return nil, uploadapi.GroupFileInvalid(entry)
		}
		members = append(members, member)
	}
	return members, nil
}

// parseMember parses the UUID or the CDN's URL of a file, with or without operations.
func parseMember(entry string) (groupMember, bool) {
	text := strings.TrimPrefix(entry, "/") // the widget sends /<uuid>/
	// With a scheme or without: pages have `//ucarecdn.com/<uuid>/`, too.
	if _, rest, isURL := strings.Cut(entry, "//"); isURL {
		_, text, _ = strings.Cut(rest, "/")
	}
	id, rest, _ := strings.Cut(text, "/")
	effects, hasEffects := strings.CutPrefix(rest, "-/")
	if !isID(id) || (!hasEffects && strings.Contains(rest, "/")) {
		return groupMember{}, false
	}
	return groupMember{UUID: id, Effects: effects}, true
}
