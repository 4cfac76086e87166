// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/form"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

// forcedMetadata is a metadata field that every upload gets.
type forcedMetadata struct {
	name     string // of the field
	value    string
	resolved bool // it has placeholders, which are resolved for each upload
}

// sortedKeys returns keys in an order that does not change: of a map it would.
func sortedKeys(metadata map[string]string) []string { return slices.Sorted(maps.Keys(metadata)) }

// forcedFields compiles the option metadata, by the service's rules.
func forcedFields(metadata map[string]string) ([]forcedMetadata, error) {
	if len(metadata) > uploadapi.MetadataKeys {
		return nil, fmt.Errorf("metadata: %d keys; the service takes %d at most for a file", len(metadata), uploadapi.MetadataKeys)
	}
	var fields []forcedMetadata
	for _, key := range sortedKeys(metadata) {
		value := metadata[key]
		if len(key) > uploadapi.MetadataKeyLength || key == "" || strings.ContainsFunc(key, func(r rune) bool { return !uploadapi.AllowedInMetadataKey(r) }) {
			return nil, fmt.Errorf("metadata %q: write a key of the characters a-z A-Z 0-9 _ - . : alone, from 1 to %d of them", key, uploadapi.MetadataKeyLength)
		}
		// What is known now is better refused at load than with each upload.
		if !hasPlaceholder(value) {
			if err := checkValue(value); err != nil {
				return nil, fmt.Errorf("metadata %s: the value %w", key, err)
			}
		}
		// In the order of the keys, so that each attempt of an upload is the same.
		fields = append(fields, forcedMetadata{uploadapi.MetadataField(key), value, hasPlaceholder(value)})
	}
	return fields, nil
}

// hasPlaceholder reports whether a value may have to be resolved. A constant with both
// brackets is taken for one, and is checked when it is put in.
func hasPlaceholder(value string) bool {
	_, behind, found := strings.Cut(value, "{")
	return found && strings.Contains(behind, "}")
}

// Reasons for which a value cannot be put in.
var (
	errValueUTF8    = errors.New("is not UTF-8")
	errValueControl = errors.New("has a control character or a line separator")
	errValueLength  = fmt.Errorf("has more than the service's %d characters", uploadapi.MetadataValueLength)
)

// checkValue reports what is wrong with the value of a metadata field. It may come from a
// client: a line end in it could begin a header or a part of its own, and Unicode has
// more line ends than ASCII.
func checkValue(value string) error {
	switch {
	case !utf8.ValidString(value):
		return errValueUTF8
	case strings.ContainsFunc(value, func(r rune) bool { return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' }):
		return errValueControl
	case utf8.RuneCountInString(value) > uploadapi.MetadataValueLength:
		return errValueLength
	}
	return nil
}

// storeChoices are the values of the field that says whether to keep a file.
var storeChoices = []string{"0", "1", "auto"}

// checkStoreOption checks the option store. `true`, which old documents have, is refused
// rather than passed on: whether the service still takes it is not known.
func checkStoreOption(value string) error {
	if value == "" || hasPlaceholder(value) || slices.Contains(storeChoices, value) {
		return nil
	}
	return fmt.Errorf("store %q: write 0, 1, auto, or a placeholder of the request that is one of them", value)
}

// Forced returns the names of the fields that clients may not set: those that Fields
// returns, at whichever endpoint.
func (r *Rules) Forced() []string {
	if r == nil {
		return nil
	}
	var names []string
	for _, field := range r.metadata {
		names = append(names, field.name)
	}
	// Under both names, wherever: an SDK sends both to the same endpoint.
	if r.store != "" {
		names = append(names, uploadapi.FieldStore, uploadapi.ParamStore)
	}
	return names
}

// Fields returns the forced fields of an upload to an endpoint, none where the endpoint
// takes none. resolve replaces the placeholders of a value. A field whose value is empty
// is left out.
func (r *Rules) Fields(endpoint *uploadapi.SignedEndpoint, resolve func(string) string) ([]form.Field, error) {
	if r == nil || endpoint.Store == "" {
		return nil, nil
	}
	fields := make([]form.Field, 0, len(r.metadata)+1)
	for _, forced := range r.metadata {
		value := forced.value
		if forced.resolved { // a constant was checked when the policy was loaded
			value = resolve(value)
			if err := checkValue(value); err != nil {
				// Without the value, which may say more of a person than a log should.
				return nil, refuse(ErrMetadata, "%s: its value %w", forced.name, err)
			}
		}
		if value != "" {
			fields = append(fields, form.Field{Name: forced.name, Value: value})
		}
	}
	// The service takes other values for one of these, or refuses them; a client that can
	// choose the value must not find out which.
	store := r.store
	if hasPlaceholder(store) {
		store = resolve(store)
	}
	if store != "" {
		if !slices.Contains(storeChoices, store) {
			return nil, refuse(ErrMetadata, "store: its value is neither 0, 1 nor auto")
		}
		fields = append(fields, form.Field{Name: endpoint.Store, Value: store})
	}
	return fields, nil
}
