package dialect_test

import (
	"testing"

	"upscaled/server/dialect"
)

// An answer stays short, however much of a request is wrong.
func TestManyViolations(t *testing.T) {
	t.Parallel()
	var v dialect.Violations
	for i := range 1000 {
		v.Add("field required", "value_error.missing", "body", i)
	}
	if len(v.Detail) != 20 || v.OrNil() == nil {
		t.Errorf("%d violations", len(v.Detail))
	}
}
