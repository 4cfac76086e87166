// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strings"
)

// userAgent is that of all clients. Of the headers that they send anyway it is the one from
// which the forced metadata is taken, so that no contender has more to read than another.
const userAgent = "benchmark"

// policyRules has every rule that a project can have, such that each is applied to the
// uploads and forbids none: the form declares an image, its file name says so, and its first
// bytes are looked at. (With `*/*` in the list they would not be.) The size is beyond the
// largest upload of measureMemory. The client's own UPLOADCARE_STORE has to be taken out.
const policyRules = `
max_file_size 16GiB
max_files 10
types image/* video/mp4 .pdf
from_url *.example.com cdn.example.org
endpoints base multipart from_url group
metadata user {http.request.header.User-Agent}
store 1`

// forcedFields are lines of the sink's report: what policyRules put into a form.
var forcedFields = []string{
	arrived("metadata[user]", "", userAgent),
	arrived("UPLOADCARE_STORE", "", "1"),
}

// policed is the gateway with policyRules.
func policed(s site) string {
	project := fmt.Sprintf("project %s {", publicKey)
	return strings.Replace(uploadcare("")(s), project, project+strings.ReplaceAll(policyRules, "\n", "\n\t\t\t"), 1)
}
