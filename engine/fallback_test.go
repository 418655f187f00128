package engine_test

import (
	"context"
	"testing"

	"upscaled/engine"
	"upscaled/engine/enginetest"
	"upscaled/models/fault"
	"upscaled/models/network"
)

// choosy runs small models only.
type choosy struct{ enginetest.Runtime }

func (c *choosy) Open(ctx context.Context, net *network.Network, o network.Options) (engine.Session, error) {
	if net.Info().Radius > 5 {
		return nil, fault.New(fault.Unsupported, "This network cannot run here.")
	}
	return c.Runtime.Open(ctx, net, o)
}

// asked remembers the precision of the last session.
type asked struct {
	enginetest.Runtime
	precision network.Precision
}

func (a *asked) Open(ctx context.Context, net *network.Network, o network.Options) (engine.Session, error) {
	a.precision = o.Precision
	return a.Runtime.Open(ctx, net, o)
}

func TestFallback(t *testing.T) {
	t.Parallel()
	first := &choosy{enginetest.Runtime{Precision: network.BFloat16}}
	second := &asked{}
	both := engine.WithFallback(first, func(context.Context) (engine.Runtime, error) { return second, nil })
	if both.Device().Precision != network.BFloat16 {
		t.Errorf("%+v", both.Device())
	}
	for radius, ran := range map[int]*enginetest.Runtime{3: &first.Runtime, 9: &second.Runtime} {
		q := engine.Request{Input: file(t, noise(1, 30, 30, 3, 8))}
		if _, _, err := upscale(t, both, enginetest.Net(2, radius), q); err != nil || ran.Ran.Load() == 0 {
			t.Errorf("a radius of %d: %v, %d runs", radius, err, ran.Ran.Load())
		}
	}
	if second.precision != network.Float32 {
		t.Errorf("the second was asked for %s", second.precision)
	}
}

func TestFallbackConformance(t *testing.T) {
	t.Parallel()
	second := &enginetest.Runtime{}
	both := engine.WithFallback(&choosy{}, func(context.Context) (engine.Runtime, error) { return second, nil })
	enginetest.TestRuntime(t, both, enginetest.Net(2, 9), network.Float32)
}

// TestFallbackIsLazy: the second runtime, which may have to be downloaded, is neither
// opened nor missed until a model needs it.
func TestFallbackIsLazy(t *testing.T) {
	t.Parallel()
	missing := fault.New(fault.ModelMissing, "ONNX Runtime is not installed.")
	both := engine.WithFallback(&choosy{}, func(context.Context) (engine.Runtime, error) { return nil, missing })
	for radius, want := range map[int]fault.Kind{3: "", 9: fault.ModelMissing} {
		q := engine.Request{Input: file(t, noise(1, 30, 30, 3, 8))}
		if _, _, err := upscale(t, both, enginetest.Net(2, radius), q); fault.KindOf(err) != want && (want != "" || err != nil) {
			t.Errorf("a radius of %d: %v", radius, err)
		}
	}
}
