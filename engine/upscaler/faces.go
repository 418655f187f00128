package upscaler

import (
	"context"
	"sync"

	"upscaled/engine"
	"upscaled/engine/face"
	"upscaled/engine/face/detect"
	"upscaled/models"
	"upscaled/models/fault"
)

// detectors makes face detectors that share one model.
type detectors struct {
	store  *models.Store
	native *native
	// keep closes a detector's model with the Upscaler.
	keep func(release func() error)

	mu sync.Mutex // guards with
	// with returns the loaded model with other options; nil until it is loaded.
	with func(detect.Options) (face.Detector, error)
}

// get returns YuNet if it is installed, else BlazeFace if ONNX Runtime is, else pigo.
// The last two are downloaded on first use.
func (s *detectors) get(ctx context.Context, o engine.DetectorOptions) (face.Detector, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.with == nil {
		with, err := s.load(ctx)
		if err != nil {
			return nil, err
		}
		s.with = with
	}
	return s.with(detect.Options{MinimumFace: o.Minimum, Threshold: o.Threshold, MaximumFaces: o.Maximum})
}

func (s *detectors) load(ctx context.Context) (func(detect.Options) (face.Detector, error), error) {
	file, installed, err := s.store.FaceFinder()
	if err != nil {
		return nil, err
	}
	if installed {
		nets, err := s.networks(ctx, false, file)
		return func(o detect.Options) (face.Detector, error) { return detect.NewYuNet(nets[0], o), nil }, err
	}
	if s.native.installed() {
		back, front, err := s.store.BlazeFace(ctx)
		if err == nil {
			nets, err := s.networks(ctx, true, back, front)
			return func(o detect.Options) (face.Detector, error) { return detect.NewBlaze(nets[0], nets[1], o), nil }, err
		}
		if fault.KindOf(err) != fault.ModelMissing {
			return nil, err
		}
	}
	files, err := s.store.FaceCascades(ctx)
	if err != nil {
		return nil, err
	}
	cascades := detect.Cascades{Face: files["facefinder"], Pupil: files["puploc"], Landmarks: map[string][]byte{}}
	for _, name := range detect.LandmarkNames() {
		cascades.Landmarks[name] = files[name]
	}
	pigo, err := detect.NewPigo(cascades, detect.Options{})
	return func(o detect.Options) (face.Detector, error) { return pigo.With(o) }, err
}

// networks opens files of a detector, for as long as the Upscaler is open.
func (s *detectors) networks(ctx context.Context, concurrent bool, files ...[]byte) ([]detect.TensorNetwork, error) {
	runtime, err := s.native.get(ctx)
	if err != nil {
		return nil, err
	}
	var nets []detect.TensorNetwork
	for _, file := range files {
		model, err := runtime.OpenTensors(file, concurrent)
		if err != nil {
			return nil, err
		}
		s.keep(model.Close)
		nets = append(nets, model)
	}
	return nets, nil
}
