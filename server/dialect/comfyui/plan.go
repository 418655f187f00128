package comfyui

import (
	"strconv"
	"strings"

	"upscaled/engine"
	"upscaled/engine/imagedata"
	"upscaled/models/fault"
	"upscaled/server/dialect"
	"upscaled/server/job"
)

// loadImage returns the chain that a LoadImage begins.
func (g *graph) loadImage(id string) *chain {
	name, _ := g.nodes[id].Inputs["image"].(string)
	info, err := g.load(name)
	switch fault.KindOf(err) {
	case "":
	case fault.NotFound, fault.Invalid, fault.Unsupported, fault.TooLarge:
		g.wrong(id, "image", "Invalid image file: "+dialect.DisplayName(name))
	default:
		g.err = err
	}
	o := job.Options{Format: string(imagedata.PNG), Filter: string(engine.Lanczos), Scale: 1}
	return &chain{nodes: []string{id}, work: id, spec: job.Spec{InputName: name, Input: info, Options: o}, width: max(1, info.Width), height: max(1, info.Height)}
}

// run adds a node to a chain.
func (g *graph) run(c *chain, id string) {
	const maxSide = 16384 // the vendor's
	c.nodes = append(c.nodes, id)
	o, w, h, cropped := &c.spec.Options, c.width, c.height, false
	if o.CropWidth > 0 {
		g.wrong(id, "image", "no node can follow a crop")
	}
	if o.Model == "" {
		c.work = id
	}
	switch g.nodes[id].Class {
	case "ImageUpscaleWithModel":
		c.work = id
		m := g.model(id)
		if o.Width > 0 || o.Model != "" && o.Model != m.Name {
			g.wrong(id, "image", "a model can follow neither a node that resizes nor another model")
		}
		c.width, c.height, o.Model, o.Filter, o.Scale = w*m.Scale, h*m.Scale, m.Name, "", o.Scale*float64(m.Scale)
		return
	case "ImageScaleBy":
		by := g.number(id, "scale_by", 0.01, 8)
		c.width, c.height = dialect.Scaled(w, by), dialect.Scaled(h, by)
	case "ImageScale":
		c.width, c.height = int(g.number(id, "width", 0, maxSide)), int(g.number(id, "height", 0, maxSide))
		switch { // 0 keeps the aspect ratio
		case c.width == 0 && c.height == 0:
			c.width, c.height = w, h
		case c.width == 0:
			c.width = dialect.Scaled(w, float64(c.height)/float64(h))
		case c.height == 0:
			c.height = dialect.Scaled(h, float64(c.width)/float64(w))
		}
		cropped = true
	}
	o.Scale, o.Width, o.Height = 0, c.width, c.height
	// After a model the engine's own filter is used.
	if g.text(id, "upscale_method", "nearest-exact", "bilinear", "area", "bicubic", "lanczos") == "nearest-exact" && o.Model == "" {
		o.Filter = string(engine.Nearest)
	}
	if cropped && g.text(id, "crop", "disabled", "center") == "center" {
		o.Width, o.Height = dialect.Cover(w, h, c.width, c.height)
		o.CropWidth, o.CropHeight = c.width, c.height
	}
}

// model returns the model of a node. A process that knows no models takes a file for
// one whose scale is in its name.
func (g *graph) model(id string) dialect.Model {
	loader := g.link(id, "upscale_model", "UPSCALE_MODEL")
	if loader == "" {
		return dialect.Model{Scale: 1}
	}
	file, _ := g.nodes[loader].Inputs["model_name"].(string)
	m, known := dialect.FindModel(g.models, file)
	for scale := 1; scale <= 8 && len(g.models) == 0; scale++ {
		if digit := strconv.Itoa(scale); strings.Contains(m.Name, digit+"x") || strings.Contains(m.Name, "x"+digit) {
			m.Scale, known = scale, true
		}
	}
	if !known {
		g.text(loader, "model_name", fileNames(g.models)...)
		m.Scale = 1
	}
	return m
}
