// SPDX-License-Identifier: Apache-2.0

package transport

// DialBy replaces the function by which a provisioned transport dials, for plaintext.
func (t *Transport) DialBy(dial dialFunc) {
	base := t.HTTPTransport.Transport //nolint:staticcheck // t.Transport would read as t itself
	base.DialContext = t.wrapping(dial)
	t.client = newClient(base, false)
}
