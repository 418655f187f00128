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

// The codes that this API returns.
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
	KeyConflict           Code = "ERROR_IDEMPOTENCY_KEY" // ours
)

// terms returns a code's HTTP status and the vendor's fixed message.
func (c Code) terms() (status int, message string) {
	type terms struct {
		status  int
		message string
	}
	known, ok := map[Code]terms{
		MissingParameters:     {http.StatusBadRequest, "Missing parameters."},
		InvalidParameter:      {http.StatusBadRequest, "Invalid parameter."},
		InvalidOutputFormat:   {http.StatusBadRequest, "Invalid output format."},
		UserNotExists:         {http.StatusUnauthorized, "The user does not exist."},
		UserLocked:            {http.StatusForbidden, "The user is locked."},
		AINotExists:           {http.StatusNotFound, "AI does not exist or has been deactivated."},
		FileTooLarge:          {http.StatusRequestEntityTooLarge, "File size exceeds limit."},
		ResolutionTooHigh:     {http.StatusRequestEntityTooLarge, "File resolution exceeds limits."},
		ResolutionTooLow:      {http.StatusUnprocessableEntity, "File resolution too low."},
		UnsupportedFileType:   {http.StatusUnsupportedMediaType, "Unsupported file types."},
		DecodingFailure:       {http.StatusUnprocessableEntity, "File decoding failed."},
		KeyConflict:           {http.StatusUnprocessableEntity, "Idempotency-Key conflict."},
		NotEnoughCredits:      {http.StatusTooManyRequests, "Insufficient credits."},
		ExceedingLimits:       {http.StatusTooManyRequests, "Exceeds limit."},
		InsufficientResources: {http.StatusServiceUnavailable, "Insufficient resources."},
		ServiceTimeout:        {http.StatusGatewayTimeout, "AI service timeout. Please try again later."},
	}[c]
	if !ok { // ProcessingFailure
		return http.StatusInternalServerError, "Processing failed."
	}
	return known.status, known.message
}

// apiError is an error with its code. message is for the client, err for the
// log.
type apiError struct {
	code    Code
	message string
	err     error
}

func newError(code Code, format string, args ...any) apiError {
	return apiError{code: code, message: fmt.Sprintf(format, args...)}
}

func (e apiError) Error() string {
	if e.err == nil {
		return e.message
	}
	return e.message + " " + e.err.Error()
}

func (e apiError) Unwrap() error { return e.err }

func (e apiError) envelope(requestID string) Envelope {
	status, words := e.code.terms()
	return Envelope{
		RequestID: requestID, LogID: requestID,
		ErrorCode: status, ErrorCodeStr: string(e.code), ErrorMessage: e.message,
		ErrorDetail: Detail{Status: status, Code: e.code, CodeMessage: words, Message: e.message},
	}
}

// internalMessage is all that clients learn about internal errors.
const internalMessage = "The picture could not be processed because of an error of the server."

// tooManyPixels replaces the server's own message, which names its settings.
const tooManyPixels = "The picture or its result has too many pixels."

// apiErrorOf translates any error. Invalid requests and images are an apiError
// already, so a bare Invalid is an internal error, as is a TooLarge that is not
// about the result.
func apiErrorOf(err error) apiError {
	if known, ok := errors.AsType[apiError](err); ok {
		return known
	}
	switch fault.KindOf(err) {
	case fault.Unauthorized:
		return newError(UserNotExists, "The API key in the header %s is missing or not valid.", keyHeader)
	case fault.Disabled:
		return newError(UserLocked, "The API key is disabled.")
	case fault.NotFound, fault.Unsupported: // the router's: an unknown path or method
		return newError(AINotExists, "There is nothing at this address.")
	case fault.TooLarge:
		if _, is := errors.AsType[*dialect.ResultTooLarge](err); is {
			return newError(ResolutionTooHigh, "%s", fault.Sentence(err))
		}
	case fault.NoCredits:
		return newError(NotEnoughCredits, "The account does not have enough credits.")
	case fault.Conflict:
		return newError(KeyConflict, "%s", fault.Sentence(err))
	case fault.RateLimited:
		return newError(ExceedingLimits, "Too many requests. Please try again later.")
	case fault.Busy:
		return newError(InsufficientResources, "The server is busy. Please try again later.")
	}
	return newError(ProcessingFailure, internalMessage)
}

// failure returns the error of a job that has no result, or nil.
func failure(j job.Job) error {
	switch {
	case j.State == job.Succeeded:
		return nil
	case !j.State.Final():
		return newError(ServiceTimeout, "The picture took too long. Please try again later.")
	case j.Failure == nil:
		return newError(ProcessingFailure, "The job was canceled.")
	case j.Failure.Kind == fault.Invalid:
		return newError(DecodingFailure, "%s", j.Failure.Message)
	case j.Failure.Kind == fault.TooLarge:
		return newError(ResolutionTooHigh, tooManyPixels)
	}
	return apiError{ProcessingFailure, internalMessage, fault.New(j.Failure.Kind, "%s", j.Failure.Message)}
}
