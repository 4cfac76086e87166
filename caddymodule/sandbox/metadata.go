// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"maps"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

// attributes are what a client sends about the file that it uploads.
type attributes struct {
	metadata map[string]string
	stored   bool
}

// attributes reads them from the fields of a request. store is the endpoint's name of the
// field that says whether to store the file permanently. "auto" depends on the project's
// settings at the service, and means yes here.
func (f fields) attributes(store string) (attributes, *uploadapi.Error) {
	metadata := make(map[string]string)
	for _, values := range []url.Values{f.body, f.query} {
		for _, name := range slices.Sorted(maps.Keys(values)) {
			key, ok := metadataKey(name)
			if !ok {
				continue
			}
			// Also if one stands in the body and the other in the query.
			if _, again := metadata[key]; again || len(values[name]) > 1 {
				return attributes{}, uploadapi.MetadataKeyDuplicated(key)
			}
			metadata[key] = values.Get(name)
			if refusal := checkMetadata(key, metadata[key]); refusal != nil {
				return attributes{}, refusal
			}
		}
	}
	if len(metadata) > uploadapi.MetadataKeys {
		return attributes{}, uploadapi.ErrMetadataTooManyKeys
	}
	choice := f.first(store)
	return attributes{metadata, choice == "1" || choice == "auto"}, nil
}

// metadataKey returns the key in a field called `metadata[key]`.
func metadataKey(name string) (string, bool) {
	key, isMetadata := strings.CutPrefix(name, "metadata[")
	key, closed := strings.CutSuffix(key, "]")
	return key, isMetadata && closed
}

// checkMetadata applies the service's rules for one key and its value.
func checkMetadata(key, value string) *uploadapi.Error {
	switch {
	case key == "":
		return uploadapi.ErrMetadataKeyEmpty
	case utf8.RuneCountInString(key) > uploadapi.MetadataKeyLength:
		return uploadapi.MetadataKeyTooLong(key)
	case strings.ContainsFunc(key, func(r rune) bool { return !uploadapi.AllowedInMetadataKey(r) }):
		return uploadapi.MetadataKeyForbidden(key)
	case value == "":
		return uploadapi.MetadataValueEmpty(key)
	case utf8.RuneCountInString(value) > uploadapi.MetadataValueLength:
		return uploadapi.MetadataValueTooLong(key)
	}
	return nil
}
