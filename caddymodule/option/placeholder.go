// SPDX-License-Identifier: Apache-2.0

package option

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// Placeholders returns the names of the placeholders in a text, as Caddy's own replacer
// finds them: a regular expression would differ in escaped braces.
func Placeholders(text string) (names []string) {
	replacer := caddy.NewEmptyReplacer()
	replacer.Map(func(name string) (any, bool) {
		names = append(names, name)
		return nil, true
	})
	replacer.ReplaceAll(text, "")
	return names
}

// CheckRequestPlaceholder checks the name of a placeholder of the request, so that a typo is
// a load error and not an empty header. Only those that every request has can be checked;
// others are set by handlers, which are not known here.
func CheckRequestPlaceholder(name string) error {
	const ofRequest = "http.request."
	if strings.HasPrefix(name, ofRequest+"body") {
		return fmt.Errorf("{%s}: the body is not available, for an upload is passed on while it arrives", name)
	}
	ctx := context.WithValue(context.Background(), http.LocalAddrContextKey, new(net.TCPAddr))
	request := (&http.Request{Header: make(http.Header), URL: new(url.URL)}).WithContext(ctx)
	replacer := caddy.NewReplacer()
	caddyhttp.PrepareRequest(request, replacer, nil, nil)
	if _, known := replacer.Get(name); !known && strings.HasPrefix(name, ofRequest) {
		return fmt.Errorf("there is no placeholder {%s}", name)
	}
	return nil
}
