package comfyui_test

import (
	"fmt"
	"net/http"
	"testing"

	"upscaled/server/dialect/dialecttest"
	"upscaled/server/job"
)

// The options of jobs for graphs; the image has 20x10 pixels.
func TestGraphs(t *testing.T) {
	t.Parallel()
	by := func(node string, by any) string {
		return fmt.Sprintf(`ImageScaleBy {"image":[%q,0],"upscale_method":"bicubic","scale_by":%v}`, node, by)
	}
	scale := func(node, method, crop string, width, height any) string {
		return fmt.Sprintf(`ImageScale {"image":[%q,0],"upscale_method":%q,"width":%v,"height":%v,"crop":%q}`, node, method, width, height, crop)
	}
	saves := func(node string) string {
		return fmt.Sprintf(`SaveImage {"images":[%q,0],"filename_prefix":"x"}`, node)
	}
	x4 := func(o job.Options) job.Options { o.Model = "realesrgan-x4plus"; return o }
	for name, c := range map[string]struct {
		lines []string
		want  job.Options
	}{
		"nothing":           {[]string{load, saves("1")}, job.Options{Filter: "lanczos", Scale: 1}},
		"a model":           {[]string{load, loader, model, save}, x4(job.Options{Scale: 4})},
		"a model twice":     {[]string{load, loader, model, `ImageUpscaleWithModel {"upscale_model":["2",0],"image":["3",0]}`, saves("4")}, x4(job.Options{Scale: 16})},
		"a model, half":     {[]string{load, loader, model, by("3", 0.5), saves("4")}, x4(job.Options{Width: 40, Height: 20})},
		"a model, sized":    {[]string{load, loader, model, scale("3", "lanczos", "disabled", 50, 60), saves("4")}, x4(job.Options{Width: 50, Height: 60})},
		"a model, a side":   {[]string{load, loader, model, scale("3", "area", "disabled", 0, 30), saves("4")}, x4(job.Options{Width: 60, Height: 30})},
		"the other side":    {[]string{load, loader, model, scale("3", "area", "disabled", 60, 0), saves("4")}, x4(job.Options{Width: 60, Height: 30})},
		"no side":           {[]string{load, loader, model, scale("3", "area", "disabled", 0, 0), saves("4")}, x4(job.Options{Width: 80, Height: 40})},
		"a model, cropped":  {[]string{load, loader, model, scale("3", "bilinear", "center", 40, 40), saves("4")}, x4(job.Options{Width: 80, Height: 40, CropWidth: 40, CropHeight: 40})},
		"sized twice":       {[]string{load, scale("1", "nearest-exact", "disabled", 40, 30), by("2", `"1.5"`), saves("3")}, job.Options{Filter: "nearest", Width: 60, Height: 45}},
		"resized":           {[]string{load, by("1", 1.5), saves("2")}, job.Options{Filter: "lanczos", Width: 30, Height: 15}},
		"nearest":           {[]string{load, scale("1", "nearest-exact", "disabled", 40, 30), saves("2")}, job.Options{Filter: "nearest", Width: 40, Height: 30}},
		"an imported model": {[]string{load, `UpscaleModelLoader {"model_name":"esrgan/4x_UltraSharp.safetensors"}`, model, save}, job.Options{Model: "4x-ultrasharp", Scale: 4}},
		"a bare name":       {[]string{load, `UpscaleModelLoader {"model_name":"realesrgan-x4plus-anime-6b"}`, model, save}, job.Options{Model: "realesrgan-x4plus-anime-6b", Scale: 4}},
	} {
		s := newServer()
		s.config.Price = 3
		s.upload(t, "a.png", dialecttest.PNG(t, 20, 10, false))
		s.submit(t, nodes(c.lines...), "")
		jobs := s.queue.Jobs()
		if c.want.Format = "png"; len(jobs) != 1 || jobs[0].Options != c.want || jobs[0].Price != 3 || jobs[0].API != "comfyui" {
			t.Errorf("%s: %+v", name, jobs)
		}
	}
	s := newServer()
	s.models = nil // on a node without a worker
	s.upload(t, "a.png", dialecttest.PNG(t, 20, 10, false))
	s.submit(t, nodes(load, `UpscaleModelLoader {"model_name":"RealESRGAN_x2plus.pth"}`, model, by("3", 2), saves("4")), "")
	if got, want := s.queue.Jobs()[0].Options, (job.Options{Model: "RealESRGAN_x2plus", Width: 80, Height: 40, Format: "png"}); got != want {
		t.Errorf("%+v", got)
	}
}

func TestGraphsThatAreRefused(t *testing.T) {
	t.Parallel()
	for name, graph := range map[string]string{
		"no_graph":        `[]`,
		"no_nodes":        `{}`,
		"no_outputs":      nodes(load),
		"other_nodes":     nodes(load, `KSampler {"image":["1",0]}`, `VAEDecode {}`, save),
		"no_link":         nodes(load, loader, `ImageUpscaleWithModel {"upscale_model":["2",0]}`, save),
		"other_kind":      nodes(load, loader, `ImageUpscaleWithModel {"upscale_model":["1",0],"image":["1",1]}`, save),
		"no_node":         nodes(load, loader, model, `SaveImage {"images":["9",0]}`),
		"no_slot":         nodes(load, loader, model, `SaveImage {"images":["3",7]}`),
		"cycle":           nodes(`ImageScaleBy {"image":["2",0]}`, `ImageScaleBy {"image":["1",0]}`, `PreviewImage {"images":["2",0]}`),
		"own_cycle":       nodes(`ImageScaleBy {"image":["1",0]}`, `PreviewImage {"images":["1",0]}`),
		"unknown_model":   nodes(load, `UpscaleModelLoader {"model_name":"SwinIR.pth"}`, model, save),
		"missing_model":   nodes(load, `UpscaleModelLoader {"model_name":"RealESRGAN_x2plus.pth"}`, model, save),
		"face_model":      nodes(load, `UpscaleModelLoader {"model_name":"gfpgan-v1.4.pth"}`, model, save),
		"two_models":      nodes(load, loader, model, `UpscaleModelLoader {"model_name":"4x-UltraSharp.pth"}`, `ImageUpscaleWithModel {"upscale_model":["4",0],"image":["3",0]}`, `SaveImage {"images":["5",0]}`),
		"model_after":     nodes(load, loader, `ImageScaleBy {"image":["1",0],"upscale_method":"area","scale_by":2}`, `ImageUpscaleWithModel {"upscale_model":["2",0],"image":["3",0]}`, `SaveImage {"images":["4",0]}`),
		"after_crop":      nodes(load, `ImageScale {"image":["1",0],"upscale_method":"area","width":5,"height":5,"crop":"center"}`, `ImageScaleBy {"image":["2",0],"upscale_method":"area","scale_by":2}`, `SaveImage {"images":["3",0]}`),
		"ranges":          nodes(load, `ImageScale {"image":["1",0],"upscale_method":"sinc","width":-1,"height":16385,"crop":"left"}`, `ImageScaleBy {"image":["2",0],"upscale_method":3,"scale_by":"NaN"}`, `SaveImage {"images":["3",0]}`),
		"no_image":        nodes(`LoadImage {"image":"b.png"}`, loader, model, save),
		"broken_image":    nodes(`LoadImage {"image":"broken.png"}`, loader, model, save),
		"prefix":          nodes(load, loader, model, `SaveImage {"images":["3",0],"filename_prefix":"../x"}`, `PreviewImage {"images":["1",0]}`),
		"two_outputs":     nodes(load, `UpscaleModelLoader {"model_name":"x.pth"}`, model, save, `PreviewImage {"images":["3",0]}`),
		"too_many_images": manyImages(),
	} {
		s := newServer()
		s.upload(t, "a.png", dialecttest.PNG(t, 20, 10, false))
		s.upload(t, "broken.png", []byte("hello"))
		golden(t, name+".json", http.StatusBadRequest, s.post("/prompt", `{"prompt":`+graph+`}`))
		if jobs := s.queue.Jobs(); len(jobs) > 0 {
			t.Errorf("%s: %+v", name, jobs)
		}
	}
}

// manyImages resizes one image in 21 ways.
func manyImages() string {
	lines := []string{load}
	for i := range 21 {
		lines = append(lines, fmt.Sprintf(`ImageScaleBy {"image":["1",0],"upscale_method":"area","scale_by":%d.5}`, i%7+1), fmt.Sprintf(`PreviewImage {"images":["%d",0]}`, len(lines)+1))
	}
	return nodes(lines...)
}
