// SPDX-License-Identifier: Apache-2.0

package form

import (
	"bytes"
)

// search finds a boundary in data several times as fast as [bytes.Index] does,
// and in the worst case about as fast, whoever chose the boundary and the data.
//
// Wherever the boundary stands, one of its words of eight bytes stands at one
// of the places that are a stride apart, so it is enough to look at these: see
// byWords. Most of the data is not even read. Nothing is faster as long as few
// of these words are in the data. Where the boundary's first byte is rare, to
// look for that is as good: see byFirstByte. A sender can make either way slow,
// so they take turns, each for as long as it pays.
type search struct {
	pattern []byte     // nil until prepared
	words   *wordTable // nil if they are of no use
	factor  uint64     // of the words' hashes
	last    int        // where in the pattern the last word begins
	stride  int        // how many words the table has: those up to the last one
}

// turn is how a turn ended.
type turn int

const (
	turnOver turn = iota // it has had its share
	gaveUp               // it stopped too often
	found                // at what it looked for
)

// Bounds of turns, in bytes but for fewStops. A stop, where there is the first
// byte or a word but not the pattern, takes the time of some hundred bytes. How
// many was found by measuring: BenchmarkSearch shows what a change does.
const (
	firstByteGap  = 384 // between two stops, for words may be faster
	firstByteTurn = 256 << 10
	wordGap       = 512
	wordTurn      = 32 << 10
	fewStops      = 4 // that do not count yet
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
			if gap != firstByteGap { // so both are slow, but words less so
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
			gap = s.stride // what words come down to if all of them are stops
		}
	}
	return -1
}

// byFirstByte looks for the pattern from start on, for one turn, and gives up
// if stops are less than gap bytes apart. It returns how far it got.
func (s *search) byFirstByte(data []byte, start, gap int) (next int, ended turn) {
	first, second := s.pattern[0], s.pattern[1]
	spent := start // a stop spends gap bytes of the way
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

// at reports whether the pattern stands at index i of data.
func (s *search) at(data []byte, i int) bool {
	end := i + len(s.pattern)
	return end <= len(data) &&
		word(data[i:]) == word(s.pattern) && word(data[end-wordLength:]) == word(s.pattern[s.last:]) &&
		bytes.Equal(data[i:end], s.pattern)
}
