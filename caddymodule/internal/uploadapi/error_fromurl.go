// SPDX-License-Identifier: Apache-2.0

package uploadapi

import (
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// Refusals of /from_url/ and /from_url/status/.
var (
	ErrSourceURLRequired = &Error{http.StatusBadRequest, "SourceURLRequiredError", "source_url is required."}
	ErrTokenRequired     = &Error{http.StatusBadRequest, "TokenRequiredError", "token is required."}
	ErrURLParsingFailed  = &Error{http.StatusBadRequest, "URLParsingFailedError", "Failed to parse URL."}
	ErrURLSchemeRequired = &Error{http.StatusBadRequest, "URLSchemeRequiredError", "No URL scheme supplied."}
	ErrURLSchemeInvalid  = &Error{http.StatusBadRequest, "URLSchemeInvalidError", "Invalid URL scheme."}
	ErrURLHostRequired   = &Error{http.StatusBadRequest, "URLHostRequiredError", "No URL host supplied."}
	ErrURLHostMalformed  = &Error{http.StatusBadRequest, "URLHostMalformedError", "URL host is malformed."}
	ErrURLHostPrivate    = &Error{http.StatusBadRequest, "URLHostPrivateIPForbiddenError", "Only public IPs are allowed."}
	ErrHostnameNotFound  = &Error{http.StatusBadRequest, "HostnameNotFoundError", "Host does not exist."}
)

// Failures of a fetch, which /from_url/status/ reports.
var (
	ErrTooManyRedirects   = &Error{http.StatusBadRequest, "URLRedirectsLimitExceededError", "Too many redirects."}
	ErrDownload           = &Error{http.StatusInternalServerError, "DownloadFileError", "Failed to download the file."}
	ErrDownloadInternal   = &Error{http.StatusInternalServerError, "DownloadFileInternalServerError", "Internal server error."}
	ErrDownloadTaskFailed = &Error{http.StatusInternalServerError, "DownloadFileTaskFailedError", "download task failed."}
)

// DownloadStatus says that the source responded with a failure of its own.
func DownloadStatus(status int) *Error {
	switch {
	case status >= http.StatusInternalServerError:
		return downloadError("DownloadFileHTTPServerError", "HTTP server error: %s.", strconv.Itoa(status))
	case status >= http.StatusBadRequest:
		return downloadError("DownloadFileHTTPClientError", "HTTP client error: %s.", strconv.Itoa(status))
	default:
		return ErrDownload
	}
}

// DownloadNetwork says that the source could not be reached, or not to the end.
func DownloadNetwork(reason string) *Error {
	return downloadError("DownloadFileHTTPNetworkError", "HTTP network error: %s.", reason)
}

// DownloadTooBig says that the fetched file is over the limit, in bytes.
func DownloadTooBig(size, limit int64) *Error {
	return downloadError("DownloadFileSizeLimitExceededError", "Downloaded file is too big: %d > %d.", size, limit)
}

// DownloadTooSlow says that the fetch took too long.
func DownloadTooSlow(limit time.Duration) *Error {
	return downloadError("DownloadFileTimeLimitExceededError",
		"Failed to download the file within the allotted time limit of %d seconds.", int64(limit/time.Second))
}

func downloadError(code, format string, values ...any) *Error {
	return &Error{http.StatusInternalServerError, code, fmt.Sprintf(format, values...)}
}
