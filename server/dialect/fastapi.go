package dialect

// Violation is one validation error of FastAPI, the framework of several
// vendors' servers, in the words of pydantic 1.
type Violation struct {
	Location []any  `json:"loc"`
	Message  string `json:"msg"`
	Kind     string `json:"type"`
	Context  any    `json:"ctx,omitempty"`
}

// Violations is the body of a 422 of FastAPI, and the error that leads to it.
type Violations struct {
	Detail []Violation `json:"detail"`
}

// NewViolation returns a single violation.
func NewViolation(message, kind string, location ...any) Violations {
	return Violations{[]Violation{{Location: location, Message: message, Kind: kind}}}
}

// maxViolations limits an answer; a request could have far more.
const maxViolations = 20

// Add appends a violation, unless there are many already.
func (v *Violations) Add(message, kind string, location ...any) {
	//guard:violations TestManyViolations
	if len(v.Detail) >= maxViolations {
		return
	}
	v.Detail = append(v.Detail, NewViolation(message, kind, location...).Detail...)
}

// OrNil returns nil if there are no violations.
func (v Violations) OrNil() error {
	if len(v.Detail) == 0 {
		return nil
	}
	return v
}

func (v Violations) Error() string {
	if len(v.Detail) == 0 {
		return "The request is not valid."
	}
	return v.Detail[0].Message
}

// ErrorDetail is the body of FastAPI's other errors.
type ErrorDetail struct {
	Detail string `json:"detail"`
}
