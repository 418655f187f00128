//go:build e2e

package pretend

import (
	"context"

	"upscaled/engine"
	"upscaled/engine/enginetest"
	"upscaled/engine/face"
	"upscaled/engine/imagedata"
	"upscaled/models/network"
)

// Restorer is the only face restorer that is installed.
const Restorer = "test-restorer"

// faces finds one face in the middle of every image that has room for one.
type faces struct{}

func (faces) Name() string { return "pretend" }

func (faces) Detect(_ context.Context, p imagedata.Raster) ([]face.Face, error) {
	if min(p.Width, p.Height) < 150 {
		return nil, nil
	}
	x, y := float64(p.Width)/2, float64(p.Height)/2
	return []face.Face{{Left: x - 50, Top: y - 55, Width: 100, Height: 110, Landmarks: face.Landmarks{
		{X: x - 20, Y: y - 15}, {X: x + 20, Y: y - 15}, {X: x, Y: y + 8}, {X: x - 17, Y: y + 27}, {X: x + 17, Y: y + 27},
	}}}, nil
}

func detector(context.Context, engine.DetectorOptions) (face.Detector, error) {
	return faces{}, nil
}

func library() enginetest.Library {
	side := func(i *network.Info) { i.FixedWidth, i.FixedHeight = 128, 128 }
	return enginetest.Library{Network: enginetest.Net(4, 4), Restorer: enginetest.Net(1, 0, side), RestorerName: Restorer}
}
