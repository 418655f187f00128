package enginetest_test

import (
	"testing"

	"upscaled/engine/enginetest"
	"upscaled/models/network"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	enginetest.TestRuntime(t, &enginetest.Runtime{}, enginetest.Net(4, 3), network.Float32)
	double := func(i *network.Info) { i.Multiple = 2 }
	enginetest.TestRuntime(t, &enginetest.Runtime{}, enginetest.Net(2, 5, double), network.Float32)
}
