// SPDX-License-Identifier: Apache-2.0

package form

import (
	"encoding/binary"
	"sync"
)

const (
	wordLength = 8
	// minWords is how many words make a table worth it. Almost all clients have
	// boundaries that are long enough.
	minWords = 20
	// hashBits is such that random data has few words with the hash of another.
	hashBits = 11
	// hashFactors is how many factors are tried to keep hashes apart.
	hashFactors = 16
	// goldenRatio spreads words over hashes (Fibonacci hashing).
	goldenRatio = 0x9e3779b97f4a7c15
)

// wordTable tells by a word's hash where in the pattern the word stands,
// counted from 1. At 0 there is none.
type wordTable [1 << hashBits]uint8

// wordTables are those that are not in use.
var wordTables = sync.Pool{New: func() any { return new(wordTable) }}

// word returns the word that b begins with.
func word(b []byte) uint64 { return binary.LittleEndian.Uint64(b) }

func hash(word, factor uint64) uint64 { return word * factor >> (64 - hashBits) }

// prepare makes s ready to look for pattern.
func (s *search) prepare(pattern []byte) {
	s.pattern, s.last = pattern, len(pattern)-wordLength
	if s.last+1 < minWords {
		return
	}
	words, factor := wordTables.Get().(*wordTable), uint64(1)
	for range hashFactors {
		factor *= goldenRatio
		count, final := words.fill(pattern, factor)
		s.stride, s.factor = count, factor
		if final {
			break
		}
	}
	if s.stride < minWords {
		wordTables.Put(words)
		return
	}
	s.words = words
}

// fill enters the words of pattern, from the last one backwards, as far as they
// have different hashes, and returns their number. That is final if it entered
// all of them, or as many as there are without repetition.
func (t *wordTable) fill(pattern []byte, factor uint64) (count int, final bool) {
	clear(t[:])
	last := len(pattern) - wordLength
	for i := last; i >= 0; i-- {
		w := word(pattern[i:])
		position := &t[hash(w, factor)]
		if *position != 0 {
			return last - i, word(pattern[*position-1:]) == w
		}
		*position = uint8(i + 1) //nolint:gosec // MaxBoundaryLength is far below what fits
	}
	return last + 1, true
}

// release gives back what s holds.
func (s *search) release() {
	if s.words != nil {
		wordTables.Put(s.words)
		s.words = nil
	}
}

// byWords looks for the pattern from start on, for one turn, and gives up if
// stops are too close, with patience for some more. It returns how far it got.
//
// A word at start + last tells of the patterns that begin in the stride from
// start on: the table has the words that they would have there.
func (s *search) byWords(data []byte, start, patience int) (next int, ended turn) {
	end := min(len(data), start+len(s.pattern)+wordTurn)
	spent := start - patience*wordGap // a stop spends that much of the way
	for start+s.last < end {
		positions, skip, step := s.words.next(data[start+s.last:end], s.stride, s.factor)
		if positions == 0 {
			return start + skip, turnOver
		}
		start += skip
		for begin := start + s.last + 1; positions != 0; positions >>= 8 {
			if position := int(positions & 0xff); position != 0 {
				if s.at(data, begin-position) {
					return begin - position, found
				}
				spent += wordGap
			}
			begin += s.stride
		}
		if start += step; spent > start {
			return start, gaveUp
		}
	}
	return start, turnOver
}

// next looks at the places of data that are a stride apart, four at a time to
// keep the processor busy. It returns the positions, one per byte, of the words
// at the first four places that have any, or at the first one of those that
// remain, how far they are off, and the step from there to the next places.
func (t *wordTable) next(data []byte, stride int, factor uint64) (positions uint32, skip, step int) {
	i := 0
	if len(data) >= 3*stride {
		data3 := data[3*stride:]
		data0, data1, data2 := data[:len(data3)], data[stride:][:len(data3)], data[2*stride:][:len(data3)]
		for ; i+wordLength <= len(data3); i += 4 * stride {
			position0 := t[hash(word(data0[i:i+wordLength]), factor)]
			position1 := t[hash(word(data1[i:i+wordLength]), factor)]
			position2 := t[hash(word(data2[i:i+wordLength]), factor)]
			position3 := t[hash(word(data3[i:i+wordLength]), factor)]
			if position0|position1|position2|position3 != 0 {
				return uint32(position0) | uint32(position1)<<8 | uint32(position2)<<16 | uint32(position3)<<24, i, 4 * stride
			}
		}
	}
	for ; i+wordLength <= len(data); i += stride {
		if position := t[hash(word(data[i:]), factor)]; position != 0 {
			return uint32(position), i, stride
		}
	}
	return 0, i, 0
}
