// SPDX-License-Identifier: Apache-2.0

package sign

// countSigned counts the upload as signed. A retry gets a credential of its own, but
// the upload counts once, so that the counters add up to the requests.
func (a *attempt) countSigned() {
	if a.counted.CompareAndSwap(false, true) {
		a.project.Uploads().Signed(a.endpoint)
	}
}

// countRefused counts the upload as refused, unless it was signed before it failed, or
// its client is gone. One whose project is not known yet is counted without one.
func (a *attempt) countRefused(refusal *refusal) {
	if refusal.response == nil || !a.counted.CompareAndSwap(false, true) {
		return
	}
	counters := a.sign.unknown
	if project := a.chosen.Load(); project != nil {
		counters = project.Uploads()
	}
	counters.Refused(a.endpoint)
}
