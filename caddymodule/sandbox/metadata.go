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

// What the choice of keeping a file is called: on most endpoints, and where
// the public key is `pub_key`.
const (
	fieldStore = "UPLOADCARE_STORE"
	paramStore = "store"
)

// remarks is what a client says of the file that it uploads.
type remarks struct {
	metadata map[string]string
	stored   bool
}

// remarks reads what the request says of its file. store is the endpoint's
// name for the choice of keeping it.
func (f fields) remarks(store string) (remarks, *uploadapi.Error) {
	metadata := make(map[string]string)
	for _, values := range []url.Values{f.body, f.query} {
		for _, name := range slices.Sorted(maps.Keys(values)) {
			key, ok := metadataKey(name)
			if !ok {
				continue
			}
			if _, again := metadata[key]; again || len(values[name]) > 1 {
				return remarks{}, uploadapi.MetadataKeyDuplicated(key)
			}
			metadata[key] = values.Get(name)
			if refusal := checkMetadata(key, metadata[key]); refusal != nil {
				return remarks{}, refusal
			}
		}
	}
	if len(metadata) > uploadapi.MetadataKeys {
		return remarks{}, uploadapi.ErrMetadataTooManyKeys
	}
	choice := f.first(store)
	return remarks{metadata, choice == "1" || choice == "auto"}, nil
}

// metadataKey returns the key in a field called `metadata[key]`.
func metadataKey(name string) (string, bool) {
	key, isMetadata := strings.CutPrefix(name, "metadata[")
	key, closed := strings.CutSuffix(key, "]")
	return key, isMetadata && closed
}

func checkMetadata(key, value string) *uploadapi.Error {
	switch {
	case key == "":
		return uploadapi.ErrMetadataKeyEmpty
	case utf8.RuneCountInString(key) > uploadapi.MetadataKeyLength:
		return uploadapi.MetadataKeyTooLong(key)
	case strings.ContainsFunc(key, forbiddenInKey):
		return uploadapi.MetadataKeyForbidden(key)
	case value == "":
		return uploadapi.MetadataValueEmpty(key)
	case utf8.RuneCountInString(value) > uploadapi.MetadataValueLength:
		return uploadapi.MetadataValueTooLong(key)
	}
	return nil
}

// forbiddenInKey knows what a metadata key may consist of.
func forbiddenInKey(r rune) bool {
	switch {
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
		return false
	default:
		return !strings.ContainsRune("_-.:", r)
	}
}
