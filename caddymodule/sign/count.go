// SPDX-License-Identifier: Apache-2.0

package sign

// countSigned counts the upload as one that got its credential.
func (a *attempt) countSigned() {
	if a.counted.CompareAndSwap(false, true) {
		a.project.Uploads().Signed(a.endpoint)
	}
}

// countRefused counts the upload as one that was refused, unless it had got its
// credential before something else went wrong.
func (a *attempt) countRefused(refusal *refusal) {
	if refusal.answer == nil || !a.counted.CompareAndSwap(false, true) {
		return
	}
	counters := a.sign.unknown
	if project := a.chosen.Load(); project != nil {
		counters = project.Uploads()
	}
	counters.Refused(a.endpoint)
}
