// SPDX-License-Identifier: Apache-2.0

package uploadapi

import "net/http"

// Refusals of /group/ and /group/info/. In the schemas of the service's document, the
// messages of the first and the fourth code are exchanged; these are from its table
// of errors, where each message fits its code.
var (
	ErrGroupFilesRequired = &Error{http.StatusBadRequest, "GroupFilesInvalidError", "No files[N] parameters found."}
	ErrGroupFilesNotFound = &Error{http.StatusBadRequest, "GroupFilesNotFoundError", "Some files not found."}
	ErrGroupIDRequired    = &Error{http.StatusBadRequest, "GroupIdRequiredError", "group_id is required."}
	ErrGroupNotFound      = &Error{http.StatusNotFound, "GroupNotFoundError", "group_id is invalid."}
)

// GroupFileInvalid says that a group's entry names no file.
func GroupFileInvalid(entry string) *Error {
	return &Error{http.StatusBadRequest, "GroupFileURLParsingFailedError", "This is not valid file url: " + entry + "."}
}
