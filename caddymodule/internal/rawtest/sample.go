// SPDX-License-Identifier: Apache-2.0

package rawtest

// sampleSize is how many similar cases there are to one that is run with the race detector.
// No test has loops of as many values, so that samples have all of them.
const sampleSize = 7

// IsSampled reports whether the case with a number, of many that differ in what they
// combine, is to be run: each, or one in seven with the race detector, under which they
// take ten times as long and which looks for the accesses that all of them make.
func IsSampled(number int) bool { return !race || number%sampleSize == 0 }

// Sample returns the cases of which [IsSampled] says that they are to be run.
func Sample[Case any](all []Case) (sampled []Case) {
	for number, one := range all {
		if IsSampled(number) {
			sampled = append(sampled, one)
		}
	}
	return sampled
}
