// SPDX-License-Identifier: Apache-2.0

package transport

// DialBy has a transport that has been provisioned connect by another function,
// over plaintext.
func (t *Transport) DialBy(dial dialFunc) {
	base := t.HTTPTransport.Transport //nolint:staticcheck // t.Transport would read as t itself
	base.DialContext = t.wrapping(dial)
	t.client = newClient(base, false)
}
