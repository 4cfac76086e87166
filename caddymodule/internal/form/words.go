// SPDX-License-Identifier: Apache-2.0

package form

import (
	"encoding/binary"
	"sync"
)

const (
	wordLength = 8
	// minWords is the smallest stride at which a table is no slower than bytes.Index in
	// random data, and several times as fast in text. Nearly all clients have boundaries
	// that are long enough: of curl's older ones, 16 characters differ from each other.
	minWords = 13
	// hashBits is the size of the table as a power of two: 2 KiB fit into the
	// processor's first cache, and random data seldom has a word with the hash of one
	// in the pattern.
	hashBits = 11
	// hashFactors is how many factors are tried to find one without collisions.
	hashFactors = 16
	// goldenRatio spreads words over the hashes: 2^64 divided by the golden ratio
	// (Fibonacci hashing; Knuth, The Art of Computer Programming, section 6.4).
	goldenRatio = 0x9e3779b97f4a7c15
)

// wordTable maps a word's hash to the offset of that word in the pattern, counted from 1.
// 0 means that no word of the pattern has the hash.
type wordTable [1 << hashBits]uint8

// wordTables is a pool of tables: one in each editor would multiply its memory.
var wordTables = sync.Pool{New: func() any { return new(wordTable) }}

// word returns the word that b begins with. On common processors it is one load.
func word(b []byte) uint64 { return binary.LittleEndian.Uint64(b) }

// hash returns the highest bits of the product, which depend on all bits of the word.
func hash(word, factor uint64) uint64 { return word * factor >> (64 - hashBits) }

// prepare prepares s to search for pattern. It uses no table if the pattern is too short
// or repeats itself too soon.
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

// fill enters the words of pattern, from the last one backwards, until two have the same
// hash, and returns their number. It is final, whatever the factor, if all have been
// entered, or if the two words are the same.
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

// release returns the table to the pool. Afterwards s must be prepared again.
func (s *search) release() {
	if s.words != nil {
		wordTables.Put(s.words)
		s.words = nil
	}
}

// byWords searches for the pattern from start on for one turn, by words. It gives up if
// stops are less than wordGap bytes apart on average, after patience stops for free, and
// returns how far it got.
//
// If the pattern begins anywhere in the stride from start on, the word at start + last is
// one of the table's: the one at that distance from the pattern's beginning.
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

// next inspects the words of data that are a stride apart, four at a time, so that the
// processor can load them in parallel. It returns the positions in the pattern, one per
// byte, of the first four words of which any is in the table (or of a single one, among
// the last ones); the offset of the first of the four; and the step from there to the
// next word to inspect.
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
