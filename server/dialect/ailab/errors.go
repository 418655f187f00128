package ailab

import (
	"errors"
	"fmt"
	"net/http"

	"upscaled/models/fault"
	"upscaled/server/dialect"
	"upscaled/server/job"
)

// Code is one of the vendor's error codes; "" is success.
type Code string

// The codes that this API answers.
const (
	MissingParameters     Code = "MISSING_PARAMETERS"
	InvalidParameter      Code = "ERROR_INVALID_PARAMETER"
	InvalidOutputFormat   Code = "ERROR_INVALID_OUTPUT_FORMAT"
	UserNotExists         Code = "ERROR_USER_NOT_EXISTS"
	UserLocked            Code = "ERROR_USER_LOCKED"
	AINotExists           Code = "ERROR_AI_NOT_EXISTS"
	FileTooLarge          Code = "FILE_SIZE_EXCEEDS_LIMIT"
	ResolutionTooHigh     Code = "FILE_RESOLUTION_EXCEEDS_LIMITS"
	ResolutionTooLow      Code = "ERROR_LOW_RESOLUTION"
	UnsupportedFileType   Code = "UNSUPPORTED_FILE_TYPES"
	DecodingFailure       Code = "FILE_DECODING_FAILURE"
	NotEnoughCredits      Code = "ERROR_NOT_ENOUGH_CREDITS"
	ExceedingLimits       Code = "EXCEEDING_LIMITS"
	ProcessingFailure     Code = "PROCESSING_FAILURE"
	InsufficientResources Code = "ERROR_INSUFFICIENT_RESOURCES"
	ServiceTimeout        Code = "AI_SERVICE_TIMEOUT"
)

// terms are a code's HTTP status and the vendor's fixed words for it.
func (c Code) terms() (status int, words string) {
	switch c {
	case MissingParameters:
		return http.StatusBadRequest, "Missing parameters."
	case InvalidParameter:
		return http.StatusBadRequest, "Invalid parameter."
	case InvalidOutputFormat:
		return http.StatusBadRequest, "Invalid output format."
	case UserNotExists:
		return http.StatusUnauthorized, "The user does not exist."
	case UserLocked:
		return http.StatusForbidden, "The user is locked."
	case AINotExists:
		return http.StatusNotFound, "AI does not exist or has been deactivated."
	case FileTooLarge:
		return http.StatusRequestEntityTooLarge, "File size exceeds limit."
	case ResolutionTooHigh:
		return http.StatusRequestEntityTooLarge, "File resolution exceeds limits."
	case ResolutionTooLow:
		return http.StatusUnprocessableEntity, "File resolution too low."
	case UnsupportedFileType:
		return http.StatusUnsupportedMediaType, "Unsupported file types."
	case DecodingFailure:
		return http.StatusUnprocessableEntity, "File decoding failed."
	case NotEnoughCredits:
		return http.StatusTooManyRequests, "Insufficient credits."
	case ExceedingLimits:
		return http.StatusTooManyRequests, "Exceeds limit."
	case InsufficientResources:
		return http.StatusServiceUnavailable, "Insufficient resources."
	case ServiceTimeout:
		return http.StatusGatewayTimeout, "AI service timeout. Please try again later."
	}
	return http.StatusInternalServerError, "Processing failed."
}

// apiError is an error that knows its code. message is for the client, err for
// the log.
type apiError struct {
	code    Code
	message string
	err     error
}

func refuse(code Code, format string, args ...any) apiError {
	return apiError{code: code, message: fmt.Sprintf(format, args...)}
}

func (r apiError) Error() string {
	if r.err == nil {
		return r.message
	}
	return r.message + " " + r.err.Error()
}

func (r apiError) Unwrap() error { return r.err }

func (r apiError) envelope(requestID string) Envelope {
	status, words := r.code.terms()
	return Envelope{
		RequestID: requestID, LogID: requestID,
		ErrorCode: status, ErrorCodeStr: string(r.code), ErrorMessage: r.message,
		ErrorDetail: Detail{Status: status, Code: r.code, CodeMessage: words, Message: r.message},
	}
}

// internalSentence is all that a client learns of what went wrong in here.
const internalSentence = "The picture could not be processed because of an error of the server."

// tooManyPixels is told where the engine's own limits are met: its sentences
// name settings of the server.
const tooManyPixels = "The picture or its result has too many pixels."

// refusalOf translates any error; it is the only place that does. Requests and
// pictures that are wrong come as refusals already, so a bare Invalid is a
// defect, and so is a TooLarge that is not about the result.
func refusalOf(err error) apiError {
	var r apiError
	if errors.As(err, &r) {
		return r
	}
	switch fault.KindOf(err) {
	case fault.Unauthorized:
		return refuse(UserNotExists, "The API key in the header %s is missing or not valid.", keyHeader)
	case fault.Disabled:
		return refuse(UserLocked, "The API key is disabled.")
	case fault.NotFound, fault.Unsupported: // the router's: a path, or a method of one
		return refuse(AINotExists, "There is nothing at this address.")
	case fault.TooLarge:
		if _, is := dialect.ResultIsTooLarge(err); is {
			return refuse(ResolutionTooHigh, "%s", fault.Sentence(err))
		}
	case fault.NoCredits:
		return refuse(NotEnoughCredits, "The account does not have enough credits.")
	case fault.RateLimited:
		return refuse(ExceedingLimits, "Too many requests. Please try again later.")
	case fault.Busy:
		return refuse(InsufficientResources, "The server is busy. Please try again later.")
	}
	return refuse(ProcessingFailure, internalSentence)
}

// failure is why a job that was waited for has no result, or nil.
func failure(j job.Job) error {
	switch {
	case j.State == job.Succeeded:
		return nil
	case !j.State.Final():
		return refuse(ServiceTimeout, "The picture took too long. Please try again later.")
	case j.Failure == nil:
		return refuse(ProcessingFailure, "The job was canceled.")
	case j.Failure.Kind == fault.Invalid:
		return refuse(DecodingFailure, "%s", j.Failure.Message)
	case j.Failure.Kind == fault.TooLarge:
		return refuse(ResolutionTooHigh, tooManyPixels)
	}
	return apiError{ProcessingFailure, internalSentence, fault.New(j.Failure.Kind, "%s", j.Failure.Message)}
}
