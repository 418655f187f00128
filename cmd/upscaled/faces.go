package main

import (
	"context"
	"sync"

	"upscaled/engine"
	"upscaled/engine/face"
	"upscaled/engine/face/detect"
	"upscaled/engine/ort"
)

// refiner is the network that refines faces where no restorer is installed.
const refiner = "realesrgan-x4plus"

// faceLibrary is the store as the engine wants it for faces. It implements
// engine.FaceLibrary.
type faceLibrary struct {
	library library
	runtime *ort.Runtime
	onClose func(func() error)

	mutex     sync.Mutex
	detectors map[engine.DetectorOptions]face.Detector
}

// Detector implements engine.FaceLibrary: YuNet where it is installed, else
// pigo, whose cascades are fetched on first use.
func (l *faceLibrary) Detector(ctx context.Context, o engine.DetectorOptions) (face.Detector, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if d := l.detectors[o]; d != nil {
		return d, nil
	}
	d, err := l.open(ctx, detect.Options{MinimumFace: o.Minimum, Threshold: o.Threshold, MaximumFaces: o.Maximum})
	if err != nil {
		return nil, err
	}
	if l.detectors == nil {
		l.detectors = map[engine.DetectorOptions]face.Detector{}
	}
	l.detectors[o] = d
	return d, nil
}

func (l *faceLibrary) open(ctx context.Context, o detect.Options) (face.Detector, error) {
	file, installed, err := l.library.FaceFinder()
	if err != nil {
		return nil, err
	}
	if installed {
		net, err := l.runtime.OpenTensors(file)
		if err != nil {
			return nil, err
		}
		l.onClose(net.Close)
		return detect.NewYuNet(net, o), nil
	}
	files, err := l.library.FaceCascades(ctx)
	if err != nil {
		return nil, err
	}
	cascades := detect.Cascades{Face: files["facefinder"], Pupil: files["puploc"], Landmarks: map[string][]byte{}}
	for _, name := range detect.LandmarkNames() {
		cascades.Landmarks[name] = files[name]
	}
	return detect.NewPigo(cascades, o)
}

// Restorer implements engine.FaceLibrary.
func (l *faceLibrary) Restorer(ctx context.Context, name string) (engine.Network, string, error) {
	net, name, err := l.library.LoadRestorer(ctx, name)
	if err != nil {
		return nil, "", err
	}
	return net, name, nil
}

// Refiner implements engine.FaceLibrary.
func (l *faceLibrary) Refiner(ctx context.Context) (engine.Network, string, error) {
	net, err := l.library.Load(ctx, refiner, nil)
	return net, refiner, err
}
