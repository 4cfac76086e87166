// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package parsers

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
)

// editSliced edits a request under many slicings of its body, and returns what
// became of it with what is wrong about lengths: what was promised is what
// leaves, and it is the same however the body comes in.
func (e *editor) editSliced(client request, random *rand.Rand) (edited, []string) {
	var first edited
	var problems []string
	for i, how := range slicings(len(client.body), random) {
		outcome := e.edit(client, how)
		for _, problem := range []string{wrongLength(client, outcome), wrongHeader(outcome)} {
			if problem != "" {
				problems = append(problems, how.name+": "+problem)
			}
		}
		if i == 0 {
			first = outcome
		} else if problem := differs(first, outcome); problem != "" {
			problems = append(problems, how.name+": "+problem)
		}
	}
	return first, problems
}

func wrongLength(client request, outcome edited) string {
	chunked := slices.Contains(outcome.framing, "chunked") || outcome.length < 0
	switch {
	case outcome.refused != "":
		return ""
	case chunked && !client.chunked:
		return "it came with a length and leaves chunked"
	case !chunked && client.chunked && client.isMultipart() && len(client.body) > 0:
		return "it came chunked and leaves with a length"
	case !chunked && outcome.length != int64(len(outcome.left.body)):
		return fmt.Sprintf("%d bytes were promised and %d leave", outcome.length, len(outcome.left.body))
	}
	return ""
}

// oneWay are Content-Types of forms that can be read in one way only.
var oneWay = regexp.MustCompile(`^multipart/form-data; ?boundary=([0-9A-Za-z'+_.-]+|"[^"\\]+")(; ?charset=[0-9A-Za-z_.:+()-]+)?$`)

// wrongHeader says in what the header that leaves can be misunderstood.
func wrongHeader(outcome edited) string {
	left := outcome.left
	switch {
	case outcome.refused != "" || len(left.body) == 0:
		return ""
	case len(left.contentType) != 1:
		return fmt.Sprintf("the Content-Types %q leave", left.contentType)
	case left.isMultipart() && !oneWay.MatchString(left.contentType[0]):
		return fmt.Sprintf("the Content-Type %q leaves", left.contentType[0])
	case slices.ContainsFunc(left.contentEncoding, func(coding string) bool { return coding != "identity" }):
		return fmt.Sprintf("the Content-Encoding %q leaves", left.contentEncoding)
	}
	return ""
}

// differs says in what an outcome depends on slicing. Of several reasons to
// refuse a form, either may be given.
func differs(whole, sliced edited) string {
	switch {
	case (whole.refused == "") != (sliced.refused == ""), whole.status != sliced.status:
		return fmt.Sprintf("whole: %q, sliced: %q", whole.refused, sliced.refused)
	case whole.refused != "":
		return ""
	case !bytes.Equal(whole.left.body, sliced.left.body) || whole.left.query != sliced.left.query:
		return fmt.Sprintf("other bytes leave than if it comes whole: %q instead of %q", sliced.left.body, whole.left.body)
	case !slices.Equal(whole.left.contentType, sliced.left.contentType):
		return "another Content-Type leaves than if it comes whole"
	}
	return ""
}
