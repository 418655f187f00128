package dialect

import (
	"net/http"

	"upscaled/models/fault"
)

// Answer returns the HTTP status of an error, and a sentence for clients, of an API
// that has no words of its own for it.
func Answer(err error) (status int, message string) {
	switch fault.KindOf(err) {
	case fault.Unauthorized, fault.Disabled:
		return http.StatusUnauthorized, "The API key is missing or not valid."
	case fault.NoCredits:
		return http.StatusPaymentRequired, "There are not enough credits for this image."
	case fault.Invalid, fault.TooLarge:
		return http.StatusBadRequest, fault.Sentence(err)
	case fault.Unsupported: // the router's: the path exists with other methods
		return http.StatusMethodNotAllowed, "This address does not take that method."
	case fault.NotFound:
		return http.StatusNotFound, fault.Sentence(err)
	case fault.Conflict:
		return http.StatusUnprocessableEntity, fault.Sentence(err)
	case fault.RateLimited:
		return http.StatusTooManyRequests, "Too many requests. Please try again later."
	case fault.Busy:
		return http.StatusServiceUnavailable, "The server is busy. Please try again later."
	}
	return http.StatusInternalServerError, "The image could not be processed because of an error of the server."
}
