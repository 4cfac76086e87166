// SPDX-License-Identifier: Apache-2.0

package uploadapi

import "net/http"

// FieldFileID names the file that comes through /iframe/: the client chooses,
// for it cannot read the response.
const FieldFileID = "UPLOADCARE_FILE_ID"

// Refusals of /iframe/.
var (
	ErrIframeFileRequired     = &Error{http.StatusBadRequest, "FileRequiredError", "There should be a file."}
	ErrIframeTooManyFiles     = &Error{http.StatusBadRequest, "FilesNumberLimitExceededError", "There are too many files."}
	ErrIframeFileIDRequired   = &Error{http.StatusBadRequest, "UploadcareFileIdRequiredError", FieldFileID + " is required."}
	ErrIframeFileIDInvalid    = &Error{http.StatusBadRequest, "UploadcareFileIdInvalidError", FieldFileID + " should be a valid UUID."}
	ErrIframeFileIDDuplicated = &Error{http.StatusBadRequest, "UploadcareFileIdDuplicatedError", FieldFileID + " is duplicated. You are probably a lottery winner."}
)
