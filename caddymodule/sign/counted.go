// SPDX-License-Identifier: Apache-2.0

package sign

// countSigned counts the upload as one that got its credential.
func (u *upload) countSigned() {
	if u.counted.CompareAndSwap(false, true) {
		u.project.Uploads().Signed(u.endpoint)
	}
}

// countRefused counts the upload as one that was refused, unless it had got its
// credential before something else went wrong.
func (u *upload) countRefused(refusal *refusal) {
	if refusal.answer == nil || !u.counted.CompareAndSwap(false, true) {
		return
	}
	counters := u.sign.unknown
	if project := u.chosen.Load(); project != nil {
		counters = project.Uploads()
	}
	counters.Refused(u.endpoint)
}
