// SPDX-License-Identifier: Apache-2.0

package form

import (
	"bytes"
)

// search finds a boundary in data several times as fast as [bytes.Index] does, and in
// the worst case about as fast, even if boundary and data were chosen to slow it down.
//
// Wherever the boundary stands, one of its words of eight bytes stands at one of the
// offsets that are a stride apart, so it is enough to inspect these (see byWords; the
// idea is that of Boyer and Moore's skips, with words instead of bytes). Most of the
// data is not even loaded. It is the fastest way as long as few of these words occur in
// the data. Where the boundary's first byte is rare, searching for that byte is as fast
// (see byFirstByte). A sender can make either way slow, so they take turns, each for as
// long as it pays.
type search struct {
	pattern []byte     // nil until prepared
	words   *wordTable // nil if they are of no use
	factor  uint64     // of the words' hashes
	last    int        // the offset of the last word in the pattern
	stride  int        // how many words the table has, which end with the last one
}

// turn is the end of a turn.
type turn int

const (
	turnOver turn = iota // it has had its share of the data
	gaveUp               // it stopped too often
	found                // the pattern is there
)

// Bounds of turns, in bytes but for fewStops. A stop, at which there is the first byte or
// a word but not the pattern, takes as long as skipping some hundred bytes. The numbers
// were found by measuring: BenchmarkSearch shows the effect of a change.
const (
	firstByteGap  = 384       // with less between two stops, words may be faster
	firstByteTurn = 256 << 10 // the length of a turn of byFirstByte
	wordGap       = 512       // with less between two stops, the first byte may be faster
	wordTurn      = 32 << 10  // the length of a turn of byWords
	fewStops      = 4         // how many stops a turn has for free
)

// index returns the index of the first pattern in data, or -1.
func (s *search) index(data []byte) int {
	if s.words == nil {
		return bytes.Index(data, s.pattern)
	}
	end := len(data) - len(s.pattern) + 1
	gap, patience := firstByteGap, fewStops
	var ended turn
	for start := 0; start < end; {
		start, ended = s.byFirstByte(data, start, gap)
		switch ended {
		case found:
			return start
		case turnOver:
			gap, patience = firstByteGap, fewStops
			continue
		case gaveUp:
			if gap != firstByteGap { // both ways are slow, but words less so: give them longer turns
				patience *= 2
			}
		}
		start, ended = s.byWords(data, start, patience)
		switch ended {
		case found:
			return start
		case turnOver:
			gap, patience = firstByteGap, fewStops
		case gaveUp:
			gap = s.stride // that is how far words get per stop at worst: do not give up sooner
		}
	}
	return -1
}

// byFirstByte searches for the pattern from start on for one turn, by its first byte. It
// gives up if stops are less than gap bytes apart on average, and returns how far it got.
func (s *search) byFirstByte(data []byte, start, gap int) (next int, ended turn) {
	first, second := s.pattern[0], s.pattern[1]
	spent := start // each stop adds gap bytes; more than the way made means too many stops
	if gap != firstByteGap {
		spent -= fewStops * gap
	}
	for end := min(len(data)-len(s.pattern)+1, start+firstByteTurn); start < end; {
		price := gap / 2 // of a stop that follows another one
		if data[start] != first {
			skip := bytes.IndexByte(data[start+1:end], first)
			if skip < 0 {
				return end, turnOver
			}
			start += 1 + skip
			price = gap
		}
		if data[start+1] == second && bytes.Equal(data[start:start+len(s.pattern)], s.pattern) {
			return start, found
		}
		start++
		if spent += price; spent > start {
			return start, gaveUp
		}
	}
	return start, turnOver
}

// at reports whether the pattern stands at index i of data. It compares the first and the
// last word before all of it, since most stops fail there.
func (s *search) at(data []byte, i int) bool {
	end := i + len(s.pattern)
	return end <= len(data) &&
		word(data[i:]) == word(s.pattern) && word(data[end-wordLength:]) == word(s.pattern[s.last:]) &&
		bytes.Equal(data[i:end], s.pattern)
}
