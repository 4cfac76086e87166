// SPDX-License-Identifier: Apache-2.0

package sign

import (
	"net/url"
	"reflect"
	"strings"

	"go.uber.org/zap/zapcore"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/logging"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/form"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/redact"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/option"
)

func init() { caddy.RegisterModule(CredentialFilter{}) }

// CredentialFilter is a filter of the log encoder `filter`. It replaces the values of
// credentials in the queries of addresses by `REDACTED`, under every name and spelling that
// `uploadcare_sign` takes for a credential's, and leaves all else as it is. A query in which
// servers differ on where a parameter begins is replaced as a whole.
//
// It is for fields that are an address, or text with addresses in it: `request>uri`,
// `resp_headers>Location`, `request>headers>Referer`, `uri`. Caddy's own lines, such as
// that of a handler's error, show the client's address whatever the site's own log
// leaves out: apply it to the default logger, too.
type CredentialFilter struct{}

// CaddyModule returns the Caddy module information.
func (CredentialFilter) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "caddy.logging.encoders.filter.uploadcare_credentials",
		New: func() caddy.Module { return new(CredentialFilter) },
	}
}

// UnmarshalCaddyfile sets up the filter from Caddyfile tokens. Syntax:
//
//	<field> uploadcare_credentials
func (*CredentialFilter) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // consume filter name
	if d.NextArg() {
		return d.Errf("uploadcare_credentials takes no argument")
	}
	return option.NoBlock(d, "uploadcare_credentials")
}

// Filter implements [logging.LogFieldFilter].
func (*CredentialFilter) Filter(field zapcore.Field) zapcore.Field {
	// Caddy does not export the type of a header's values.
	if values := reflect.ValueOf(field.Interface); values.Kind() == reflect.Slice && values.Type().Elem().Kind() == reflect.String {
		filtered := make(loggedValues, values.Len())
		for i := range filtered {
			filtered[i] = redactAddresses(values.Index(i).String())
		}
		field.Interface = filtered
		return field
	}
	field.String = redactAddresses(field.String)
	return field
}

// loggedValues are the values of a header.
type loggedValues []string

// MarshalLogArray implements [zapcore.ArrayMarshaler].
func (v loggedValues) MarshalLogArray(encoder zapcore.ArrayEncoder) error {
	for _, value := range v {
		encoder.AppendString(value)
	}
	return nil
}

// redactAddresses replaces credentials in the queries of all addresses in a text.
func redactAddresses(text string) string {
	before, rest, found := strings.Cut(text, "?")
	if !found {
		return text
	}
	inText := strings.ContainsAny(before, " \t\"")
	var filtered strings.Builder
	filtered.WriteString(before)
	for found {
		filtered.WriteByte('?')
		var query string
		query, rest, found = strings.Cut(rest, "?")
		filtered.WriteString(redactQuery(query, inText, maxNesting))
	}
	return filtered.String()
}

// redactQuery replaces the values of credentials in a query. What may be the text behind its
// address, or a fragment, is searched as well: clients send any byte in a query, and to a
// server no byte but the ampersand ends a parameter.
func redactQuery(query string, inText bool, nesting int) string {
	if form.HidesParameter(query, staleFields) {
		return redact.Mark
	}
	parameters := strings.Split(query, "&")
	for i, parameter := range parameters {
		name, value, valued := strings.Cut(parameter, "=")
		behind := ""
		if inText {
			value, behind = cutText(value)
		}
		if valued && (form.StripQuery(parameter, staleFields) == "" || holdsCredential(value, nesting)) {
			parameters[i] = name + "=" + redact.Mark + behind
		}
	}
	return strings.Join(parameters, "&")
}

// cutText splits a value from the text behind its address: from the first blank on, with the
// quote and the punctuation before it.
func cutText(value string) (before, behind string) {
	const blanks = " \t\r\n"
	end := len(value)
	begin := end - len(strings.TrimLeft(value, blanks))
	if blank := strings.IndexAny(value[begin:], blanks); blank >= 0 {
		end = begin + blank
	}
	before = strings.TrimRight(value[:end], "\"'`<>)]:;,.")
	return before, value[len(before):]
}

// maxNesting is how often a value may be an address that is escaped once more: a page of
// login gets the address that was asked for, and may pass it on.
const maxNesting = 3

// holdsCredential reports whether a value, decoded, is an address or a query with a
// credential in it.
func holdsCredential(value string, nesting int) bool {
	decoded, err := url.QueryUnescape(value)
	if nesting == 0 || err != nil || decoded == value {
		return false
	}
	_, query, found := strings.Cut(decoded, "?")
	if !found {
		query = decoded
	}
	return redactQuery(query, false, nesting-1) != query || holdsCredential(decoded, nesting-1)
}

// Interface guards
var (
	_ caddyfile.Unmarshaler  = (*CredentialFilter)(nil)
	_ logging.LogFieldFilter = (*CredentialFilter)(nil)
)
