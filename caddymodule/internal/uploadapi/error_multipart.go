// SPDX-License-Identifier: Apache-2.0

package uploadapi

import (
	"net/http"
	"strconv"
)

// Limits of multipart uploads, in bytes.
const (
	// MultipartMinimum is the size of the smallest file that may be uploaded in parts.
	MultipartMinimum = 10 << 20
	// PartSizeMinimum is the smallest size of a part but the last, and the default.
	PartSizeMinimum = 5 << 20
	// PartSizeMaximum is the largest size of a part.
	PartSizeMaximum = 5 << 30
)

// Refusals of /multipart/start/ and /multipart/complete/.
var (
	ErrMultipartSizeInvalid  = &Error{http.StatusBadRequest, "MultipartSizeInvalidError", "size should be integer."}
	ErrMultipartTooSmall     = &Error{http.StatusBadRequest, "MultipartFileSizeTooSmallError", "File size can not be less than " + strconv.Itoa(MultipartMinimum) + " bytes. Please use direct upload instead of multipart."}
	ErrMultipartTooLarge     = &Error{http.StatusBadRequest, "MultipartFileSizeLimitExceededError", "File size exceeds project limit."}
	ErrPartSizeInvalid       = &Error{http.StatusBadRequest, "MultipartPartSizeInvalidError", "Multipart Upload Part Size should be an integer."}
	ErrPartSizeTooSmall      = &Error{http.StatusBadRequest, "MultipartPartSizeTooSmallError", "Multipart Upload Part Size can not be less than " + strconv.Itoa(PartSizeMinimum) + " bytes."}
	ErrPartSizeTooBig        = &Error{http.StatusBadRequest, "MultipartPartSizeTooBigError", "Multipart Upload Part Size can not be more than " + strconv.FormatInt(PartSizeMaximum, 10) + " bytes."}
	ErrMultipartIDRequired   = &Error{http.StatusBadRequest, "MultipartFileIdRequiredError", "uuid is required."}
	ErrUUIDInvalid           = &Error{http.StatusBadRequest, "UUIDInvalidError", "uuid is invalid."}
	ErrMultipartNotFound     = &Error{http.StatusNotFound, "MultipartFileNotFoundError", "File is not found."}
	ErrMultipartUploaded     = &Error{http.StatusBadRequest, "MultipartFileAlreadyUploadedError", "File is already uploaded."}
	ErrMultipartPartsMissing = &Error{http.StatusBadRequest, "MultipartUploadSizeTooSmallError", "File size mismatch. Not all parts uploaded?"}
)

// ParamRequired says that a parameter is missing.
func ParamRequired(name string) *Error {
	return &Error{http.StatusBadRequest, "RequestParamRequiredError", name + " is required."}
}
