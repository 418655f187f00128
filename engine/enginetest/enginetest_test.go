package enginetest_test

import (
	"testing"

	"upscaled/engine/enginetest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	enginetest.TestRuntime(t, &enginetest.Runtime{}, enginetest.Net(4, 3))
	double := enginetest.Net(2, 5)
	double.Description.Multiple = 2
	enginetest.TestRuntime(t, &enginetest.Runtime{}, double)
}
