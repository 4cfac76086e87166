// SPDX-License-Identifier: Apache-2.0

package form

import "strings"

// StripQuery removes the parameters of names from a query string or urlencoded body, in
// every spelling that some server takes for one of them. The others stay as they are,
// byte for byte and in order. Values are not examined: that of source_url may contain
// a signature of its own, percent-encoded.
func StripQuery(query string, names *Names) string {
	parameters, all := make([]string, 0, 16), 0
	for parameter := range strings.SplitSeq(query, "&") {
		if all++; !names.resembleParameter(parameter) {
			parameters = append(parameters, parameter)
		}
	}
	if len(parameters) == all {
		return query
	}
	return strings.Join(parameters, "&")
}

// isPlainName reports whether a name is one that findPlain takes.
func isPlainName(name string) bool {
	for i := range len(name) {
		if !plain[name[i]].name {
			return false
		}
	}
	return true
}

// HidesParameter reports whether a server that takes a semicolon for a separator, as some
// do, or a byte beyond ASCII for an ampersand, reads a parameter of names that StripQuery
// does not remove.
func HidesParameter(query string, names *Names) bool {
	if isBeyondASCII(query) {
		query = StripQuery(query, names) // a byte order mark has the byte that is a semicolon in seven bits
	}
	return !visitHidden(query, names, func(string) bool { return false })
}

// visitHidden calls visit with each parameter of names that stands behind another sign than
// an ampersand, and reports whether visit has returned true for all of them. It ends at the first false.
// (A function that is passed down allocates nothing, as an iterator would.)
func visitHidden(query string, names *Names, visit func(parameter string) bool) bool {
	beyond := isBeyondASCII(query)
	if !beyond && !strings.Contains(query, ";") { // as nearly always
		return true
	}
	for parameter := range strings.SplitSeq(query, "&") {
		if !visitBehind(parameter, ";", names, visit) || beyond && !visitBehind(inSevenBits(parameter), "&;", names, visit) {
			return false
		}
	}
	return true
}

// visitBehind is visitHidden for what stands behind one of signs in a parameter.
func visitBehind(parameter, signs string, names *Names, visit func(parameter string) bool) bool {
	for {
		at := strings.IndexAny(parameter, signs)
		if at < 0 {
			return true
		}
		parameter = parameter[at+1:]
		hidden := parameter
		if end := strings.IndexAny(parameter, signs); end >= 0 {
			hidden = parameter[:end]
		}
		if names.resembleParameter(hidden) && !visit(hidden) {
			return false
		}
	}
}

// WatchQuery calls watch with each parameter of names that some server could read in a
// query string or urlencoded body: with the name of the set, and with the value, once for
// each way in which servers decode it. It returns the first error of watch.
func WatchQuery(query string, names *Names, watch func(name, value string) error) (err error) {
	show := func(parameter string) bool {
		name := names.findParameter(parameter)
		if name == "" {
			return true
		}
		visit := func(value string) bool {
			err = watch(name, value)
			return err == nil
		}
		_, value, _ := strings.Cut(parameter, "=")
		if !visitReadings(value, visit) {
			return false
		}
		if !isBeyondASCII(parameter) { // as nearly always
			return true
		}
		parameter, _, _ = strings.Cut(inSevenBits(parameter), "&")
		_, value, _ = strings.Cut(parameter, "=")
		return visitReadings(value, visit)
	}
	for parameter := range strings.SplitSeq(query, "&") {
		if !show(parameter) {
			return err
		}
	}
	visitHidden(query, names, show)
	return err
}

// visitReadings calls visit with a value as servers read it, until visit returns false, and
// reports whether it has not. Those that take a semicolon for a separator end it there.
func visitReadings(value string, visit func(value string) bool) bool {
	value = strings.ReplaceAll(value, "+", " ")
	if cut, _, found := strings.Cut(value, ";"); found {
		return visitDecodings(value, visit) && visitDecodings(cut, visit)
	}
	return visitDecodings(value, visit)
}

// resembleParameter reports whether some server could take a parameter for one of the
// set.
func (n *Names) resembleParameter(parameter string) bool { return n.findParameter(parameter) != "" }

// findParameter returns the name of the set that some server could take that of a
// parameter for, or "".
func (n *Names) findParameter(parameter string) string {
	name, _, _ := strings.Cut(parameter, "=")
	name = strings.TrimLeft(name, "?") // some servers take a second one for the beginning of the query
	if isPlainName(name) {             // as nearly always
		return n.findPlain([]byte(name))
	}
	if found := n.find([]byte(strings.ReplaceAll(name, "+", " "))); found != "" || !isBeyondASCII(name) {
		return found
	}
	name = strings.TrimLeft(inSevenBits(name), "?")
	return n.find([]byte(strings.ReplaceAll(name, "+", " ")))
}

// inSevenBits returns text as formidable reads a urlencoded body, before it looks for
// parameters and escapes: each byte loses its first bit.
func inSevenBits(text string) string {
	read := []byte(text)
	for i := range read {
		read[i] &= 0x7f
	}
	return string(read)
}
