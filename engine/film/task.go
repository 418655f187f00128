package film

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"upscaled/engine"
	"upscaled/engine/imagedata"
)

// Task is a part of a film for an engine of another process.
type Task struct {
	Part
	Coding
	// Path is the film's, beside which temporary files are written. Output only names
	// the container, FFmpeg is an argument of Find.
	Path, Output, FFmpeg string
	From, To             time.Duration
}

// Upscaler is an engine that takes tasks, too.
type Upscaler struct {
	Engine
	Limits imagedata.Limits
}

// Devices returns the engine's devices.
func (u Upscaler) Devices() []engine.DeviceUse { return engine.DevicesOf(u.Engine) }

// Upscale implements engine.Upscaler. For a task it is UpscalePart.
func (u Upscaler) Upscale(ctx context.Context, q engine.Request) (engine.Result, error) {
	if q.Film == nil {
		return u.Engine.Upscale(ctx, q)
	}
	var t Task
	if err := json.Unmarshal(q.Film, &t); err != nil {
		return engine.Result{}, fmt.Errorf("read part of a film: %w", err)
	}
	tools, err := Find(ctx, t.FFmpeg)
	if err != nil {
		return engine.Result{}, err
	}
	w := q.Output
	q.Film, q.Output = nil, nil
	return UpscalePart(ctx, Options{
		Tools: tools, Engine: u.Engine, Input: t.Path, Output: t.Output, Request: q, Limits: u.Limits, Coding: t.Coding, From: t.From, To: t.To,
	}, t.Part, w)
}
