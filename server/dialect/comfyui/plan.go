package comfyui

import (
	"math"

	"upscaled/engine"
	"upscaled/engine/imagedata"
	"upscaled/server/dialect"
	"upscaled/server/job"
)

// plan returns a job's options for a chain of nodes that begins with an image of a
// size in pixels, and the node that takes the time. Sizes are exact.
func (g *graph) plan(chain []string, width, height int) (o job.Options, work string) {
	o = job.Options{Format: string(imagedata.PNG), Filter: string(engine.Lanczos), Scale: 1}
	work = chain[len(chain)-1]
	for _, id := range chain[1:] {
		if o.CropWidth > 0 {
			g.wrong(id, "image", "no node can follow a crop")
		}
		switch g.nodes[id].Class {
		case "ImageUpscaleWithModel":
			m := dialect.Model{Scale: 1}
			if loader := g.link(id, "upscale_model", "UPSCALE_MODEL"); loader != "" {
				m = g.model(loader)
			}
			if o.Width > 0 || o.Model != "" && o.Model != m.Name {
				g.wrong(id, "image", "a model can follow neither a node that resizes nor another model")
			}
			width, height = width*m.Scale, height*m.Scale
			o.Model, o.Filter, o.Scale, work = m.Name, "", o.Scale*float64(m.Scale), id
		case "ImageScaleBy":
			by := g.number(id, "scale_by", 0.01, 8)
			width, height = scaled(width, by), scaled(height, by)
			g.resize(&o, id, width, height)
		case "ImageScale":
			const maxSide = 16384 // the vendor's
			w, h := int(g.number(id, "width", 0, maxSide)), int(g.number(id, "height", 0, maxSide))
			switch { // 0 keeps the aspect ratio
			case w == 0 && h == 0:
				w, h = width, height
			case w == 0:
				w = scaled(width, float64(h)/float64(height))
			case h == 0:
				h = scaled(height, float64(w)/float64(width))
			}
			g.resize(&o, id, w, h)
			if g.text(id, "crop", "disabled", "center") == "center" {
				o.Width, o.Height = dialect.Cover(width, height, w, h)
				o.CropWidth, o.CropHeight = w, h
			}
			width, height = w, h
		}
	}
	return o, work
}

func scaled(side int, by float64) int { return max(1, int(math.Round(float64(side)*by))) }

// resize sets the size of a result. After a model the engine's own filter is used.
func (g *graph) resize(o *job.Options, id string, width, height int) {
	o.Scale, o.Width, o.Height = 0, width, height
	method := g.text(id, "upscale_method", "nearest-exact", "bilinear", "area", "bicubic", "lanczos")
	if method == "nearest-exact" && o.Model == "" {
		o.Filter = string(engine.Nearest)
	}
}
