package bench

import (
	"context"
	"io"
	"os"
	"strconv"
	"strings"

	"upscaled/engine"
)

// Whole is the result of one image upscaled from bytes to bytes.
type Whole struct {
	Model        string `json:"model"`
	InputWidth   int    `json:"input_width"`
	InputHeight  int    `json:"input_height"`
	OutputWidth  int    `json:"output_width"`
	OutputHeight int    `json:"output_height"`
	Format       string `json:"format"`
	TileWidth    int    `json:"tile_width"`
	TileHeight   int    `json:"tile_height"`
	Tiles        int    `json:"tiles"`

	WallSeconds      float64 `json:"wall_seconds"`
	SessionSeconds   float64 `json:"session_seconds"`
	DecodeSeconds    float64 `json:"decode_seconds"`
	OpenSeconds      float64 `json:"open_seconds"`
	ResizeSeconds    float64 `json:"resize_seconds"`
	EncodeSeconds    float64 `json:"encode_seconds"`
	FirstTileSeconds float64 `json:"first_tile_seconds"`
	// SessionShare is the part of the wall time with a tile in a session.
	SessionShare float64 `json:"session_share"`
	// Overlap is tile pixels divided by image pixels.
	Overlap             float64 `json:"overlap"`
	MegapixelsPerSecond float64 `json:"megapixels_per_second"`
	// PeakBytes is the peak memory of the process during the run; 0 if unknown.
	PeakBytes int64 `json:"peak_bytes"`
	// AgainstBare is the wall time divided by pixels times the bare session's time
	// per pixel at its best tile size; 0 if no bare session was measured.
	AgainstBare float64 `json:"against_bare"`
}

// Image upscales one image into nothing and reports where the time went. best, if
// found, is the bare session to compare with.
func Image(ctx context.Context, e *engine.Engine, q engine.Request, best Timing, found bool) (Whole, error) {
	resetPeak()
	q.Output = io.Discard
	r, err := e.Upscale(ctx, q)
	if err != nil {
		return Whole{}, err
	}
	s := r.Stats
	w := Whole{
		Model: r.Model, InputWidth: r.Input.Width, InputHeight: r.Input.Height,
		OutputWidth: r.Output.Width, OutputHeight: r.Output.Height, Format: string(r.Output.Format),
		TileWidth: s.TileWidth, TileHeight: s.TileHeight, Tiles: s.Tiles,
		WallSeconds: s.Wall.Seconds(), SessionSeconds: s.Session.Seconds(), DecodeSeconds: s.Decode.Seconds(),
		OpenSeconds: s.Open.Seconds(), ResizeSeconds: s.Resize.Seconds(), EncodeSeconds: s.Encode.Seconds(),
		FirstTileSeconds: s.FirstTile.Seconds(), SessionShare: s.Session.Seconds() / s.Wall.Seconds(),
		Overlap:             float64(s.Pixels) / float64(s.Needed),
		MegapixelsPerSecond: float64(s.Needed) / s.Wall.Seconds() / 1e6,
		PeakBytes:           Peak(),
	}
	if found {
		w.AgainstBare = w.WallSeconds / (float64(s.Needed) * best.MicrosecondsPerPixel / 1e6)
	}
	return w, nil
}

// Peak is the process's largest resident memory in bytes so far, as Linux
// counts it (VmHWM); 0 elsewhere.
func Peak() int64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if rest, found := strings.CutPrefix(line, "VmHWM:"); found {
			kilobytes, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			return kilobytes << 10
		}
	}
	return 0
}

// resetPeak resets VmHWM; if it cannot, the peak covers the whole process.
func resetPeak() { _ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) }
