package worker

import (
	"upscaled/engine"
	"upscaled/engine/face"
	"upscaled/engine/imagedata"
	"upscaled/server/job"
)

// RequestOf returns the engine's request for a job's options, without the image.
// faces are the server's settings.
func RequestOf(o job.Options, faces engine.Faces) engine.Request {
	request := engine.Request{
		Model: o.Model, Denoise: o.Denoise, MaxInputWidth: o.MaxInputWidth,
		Size: engine.Size{
			Scale: o.Scale, Longest: o.Longest, Width: o.Width, Height: o.Height,
			FitWidth: o.FitWidth, FitHeight: o.FitHeight,
		},
		Format: imagedata.Format(o.Format), Quality: o.Quality, Lossless: o.Lossless, Strip: o.Strip, Tile: o.Tile,
	}
	request.Filter, request.CropWidth, request.CropHeight = engine.Filter(o.Filter), o.CropWidth, o.CropHeight
	if s := o.Second; s != nil {
		request.Second = &engine.Layer{Model: s.Model, Filter: engine.Filter(s.Filter), Visibility: s.Visibility}
	}
	if o.FaceEnhance {
		request.Faces = new(withFace(faces, o.Face))
	}
	return request
}

// withFace applies the options of one request to the server's.
func withFace(faces engine.Faces, o *job.FaceOptions) engine.Faces {
	if o == nil {
		return faces
	}
	if o.Strength != nil {
		faces.Strength = *o.Strength
	}
	if o.Minimum > 0 {
		faces.Minimum = o.Minimum
	}
	if o.OnlyCentre != nil {
		faces.OnlyCentre = *o.OnlyCentre
	}
	for _, p := range o.At {
		faces.At = append(faces.At, face.Point{X: p[0], Y: p[1]})
		faces.OnlyCentre = false
	}
	if o.Restorer != "" {
		faces.Restorer = o.Restorer
	}
	faces.Report = engine.FaceReport(o.Report)
	if o.Missing != "" {
		faces.Missing = engine.FaceMissing(o.Missing)
	}
	return faces
}
