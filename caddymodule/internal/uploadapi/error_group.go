// SPDX-License-Identifier: Apache-2.0

package uploadapi

import "net/http"

// Refusals of /group/ and /group/info/. The document gives the first and the
// fourth of these codes each other's text in its schemas; this is its table.
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
