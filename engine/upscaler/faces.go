package upscaler

import (
	"context"
	"sync"

	"upscaled/engine"
	"upscaled/engine/face"
	"upscaled/engine/face/detect"
	"upscaled/models"
)

// detectors are the open face detectors.
type detectors struct {
	store  *models.Store
	native *native
	// keep closes a detector's model with the Upscaler.
	keep func(release func() error)

	mu   sync.Mutex // guards open
	open map[engine.DetectorOptions]face.Detector
}

// get returns YuNet if it is installed, else pigo, whose cascades are
// downloaded on first use.
func (s *detectors) get(ctx context.Context, o engine.DetectorOptions) (face.Detector, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d := s.open[o]; d != nil {
		return d, nil
	}
	d, err := s.load(ctx, detect.Options{MinimumFace: o.Minimum, Threshold: o.Threshold, MaximumFaces: o.Maximum})
	if err == nil {
		s.open[o] = d
	}
	return d, err
}

func (s *detectors) load(ctx context.Context, o detect.Options) (face.Detector, error) {
	file, installed, err := s.store.FaceFinder()
	if err != nil {
		return nil, err
	}
	if installed {
		runtime, err := s.native.get(ctx)
		if err != nil {
			return nil, err
		}
		model, err := runtime.OpenTensors(file)
		if err != nil {
			return nil, err
		}
		s.keep(model.Close)
		return detect.NewYuNet(model, o), nil
	}
	files, err := s.store.FaceCascades(ctx)
	if err != nil {
		return nil, err
	}
	cascades := detect.Cascades{Face: files["facefinder"], Pupil: files["puploc"], Landmarks: map[string][]byte{}}
	for _, name := range detect.LandmarkNames() {
		cascades.Landmarks[name] = files[name]
	}
	return detect.NewPigo(cascades, o)
}
