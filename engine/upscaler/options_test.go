package upscaler

import (
	"errors"
	"testing"

	"upscaled/models"
)

// Open checks every option before it opens anything.
func TestOptionErrors(t *testing.T) {
	t.Parallel()
	store, err := models.Open(models.Options{Home: t.TempDir(), Offline: true})
	if err != nil {
		t.Fatal(err)
	}
	for option, o := range map[string]Options{
		"device":     {Device: "gpu"},
		"threads":    {Threads: -1},
		"precision":  {Precision: "int8"},
		"cpu-engine": {CPUEngine: "fastest"},
		"tune":       {Tune: "never"},
	} {
		o.Store = store
		_, err := Open(t.Context(), o)
		var wrong *OptionError
		if !errors.As(err, &wrong) || wrong.Option != option {
			t.Errorf("%s: %v", option, err)
		}
	}
}
