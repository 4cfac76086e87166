// SPDX-License-Identifier: Apache-2.0

package uploadapi

import "net/http"

// FieldFileID is the field with the UUID of a file that is uploaded through /iframe/.
// The client chooses it, for a page cannot read the response in an iframe of another
// origin.
const FieldFileID = "UPLOADCARE_FILE_ID"

// Refusals of /iframe/.
var (
	ErrIframeFileRequired     = &Error{http.StatusBadRequest, "FileRequiredError", "There should be a file."}
	ErrIframeTooManyFiles     = &Error{http.StatusBadRequest, "FilesNumberLimitExceededError", "There are too many files."}
	ErrIframeFileIDRequired   = &Error{http.StatusBadRequest, "UploadcareFileIdRequiredError", FieldFileID + " is required."}
	ErrIframeFileIDInvalid    = &Error{http.StatusBadRequest, "UploadcareFileIdInvalidError", FieldFileID + " should be a valid UUID."}
	ErrIframeFileIDDuplicated = &Error{http.StatusBadRequest, "UploadcareFileIdDuplicatedError", FieldFileID + " is duplicated. You are probably a lottery winner."}
)
