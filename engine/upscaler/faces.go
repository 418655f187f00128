package upscaler

import (
	"context"

	"upscaled/engine"
	"upscaled/engine/face"
	"upscaled/engine/face/detect"
)

// detector returns YuNet if it is installed, else pigo, whose cascades are
// downloaded on first use.
func (u *Upscaler) detector(ctx context.Context, o engine.DetectorOptions) (face.Detector, error) {
	u.detecting.Lock()
	defer u.detecting.Unlock()
	if d := u.detectors[o]; d != nil {
		return d, nil
	}
	d, err := u.openDetector(ctx, detect.Options{MinimumFace: o.Minimum, Threshold: o.Threshold, MaximumFaces: o.Maximum})
	if err == nil {
		u.detectors[o] = d
	}
	return d, err
}

func (u *Upscaler) openDetector(ctx context.Context, o detect.Options) (face.Detector, error) {
	file, installed, err := u.store.FaceFinder()
	if err != nil {
		return nil, err
	}
	if installed {
		model, err := u.native.OpenTensors(file)
		if err != nil {
			return nil, err
		}
		u.onClose(model.Close)
		return detect.NewYuNet(model, o), nil
	}
	files, err := u.store.FaceCascades(ctx)
	if err != nil {
		return nil, err
	}
	cascades := detect.Cascades{Face: files["facefinder"], Pupil: files["puploc"], Landmarks: map[string][]byte{}}
	for _, name := range detect.LandmarkNames() {
		cascades.Landmarks[name] = files[name]
	}
	return detect.NewPigo(cascades, o)
}
