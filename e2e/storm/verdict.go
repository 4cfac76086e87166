// SPDX-License-Identifier: Apache-2.0

package main

import "fmt"

// sent is what a client sent, and how that ended.
type sent struct {
	digest  digest
	receipt int32
	ending  ending
	flaw    flaw
	began   bool // it was sent at all
	// sourceDown reports that the upload may be refused though nothing is wrong with it: its
	// project's credentials come from elsewhere.
	sourceDown bool
	// refusal is the reason if it was refused, and may not be.
	refusal string
	// disturbed reports that the gateway was reloaded, stopped or killed meanwhile, or the
	// upstream: a connection may have been lost.
	disturbed bool
}

// violation is something that must not have happened.
type violation struct {
	id   int // of the upload, or -1
	what string
}

// String returns the violation for the report.
func (v violation) String() string {
	if v.id < 0 {
		return v.what
	}
	return fmt.Sprintf("upload %d: %s", v.id, v.what)
}

// judge compares how uploads ended for their clients with what the upstream has. The upload with an id is at
// that place of both.
func judge(ledger []sent, has []kept) (all []violation) {
	for id := range max(len(ledger), len(has)) {
		var s sent
		var k kept
		if id < len(ledger) {
			s = ledger[id]
		}
		if id < len(has) {
			k = has[id]
		}
		for _, what := range judgeOne(&s, &k) {
			all = append(all, violation{id, what})
		}
	}
	return all
}

// judgeOne returns what is wrong with one upload.
func judgeOne(s *sent, k *kept) (wrong []string) {
	add := func(when bool, format string, arguments ...any) {
		if when {
			wrong = append(wrong, fmt.Sprintf(format, arguments...))
		}
	}
	add(!s.began && *k != kept{}, "it was never sent, and is at the upstream")
	add(k.unsigned, "it came to the upstream without a credential of the gateway's, or with another besides")
	add(k.times > 1, "it was stored %d times", k.times)
	add(k.unequal || k.times > 0 && k.digest != s.digest, "it is not what its client sent")
	add(s.ending == accepted && k.times == 0, "its client was told that it was accepted, and it is lost")
	add(s.ending == accepted && k.times == 1 && k.receipt != s.receipt, "its client was told of another file")
	// Of failed, left and broken ones the client cannot know.
	switch s.ending {
	case refused, rejected, incomplete, unsent:
		add(k.times > 0, "its client was told that it was %s, and it was stored", s.ending)
	case accepted, failed, left, broken, silent, endings:
	}
	add(!s.flaw.whole() && k.times > 0, "it was stored, though it is %s", s.flaw)
	add(!s.flaw.whole() && s.ending == accepted, "it was accepted, though it is %s", s.flaw)
	add(s.flaw.whole() && s.ending == refused && !s.sourceDown, "it was refused, though nothing is wrong with it: %s", s.refusal)
	add(s.ending == silent, "there was no response for %s", patience)
	add(s.ending == broken && !s.disturbed && !k.cut, "its connection was lost, and nothing was the matter with gateway or upstream")
	return wrong
}
