//go:build e2e

package e2e

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/color/palette"
	"image/draw"
	"image/gif"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/HugoSmits86/nativewebp"
	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
)

// soakPictures are of every format that is read, some with transparency, 16
// bits, one channel or several frames. "large.jpg" waits in the line of large
// ones.
func soakPictures(t *testing.T) map[string][]byte {
	t.Helper()
	encoded := func(encode func(io.Writer) error) []byte {
		var b bytes.Buffer
		if err := encode(&b); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	deep, gray := image.NewNRGBA64(image.Rect(0, 0, 48, 40)), image.NewGray(image.Rect(0, 0, 50, 60))
	draw.Draw(deep, deep.Bounds(), textured(48, 40, false), image.Point{}, draw.Src)
	deep.SetNRGBA64(1, 1, color.NRGBA64{0x1234, 0x5678, 0x9abc, 0xffff})
	draw.Draw(gray, gray.Bounds(), textured(50, 60, false), image.Point{}, draw.Src)
	frames := &gif.GIF{}
	for i := range 3 {
		frame := image.NewPaletted(image.Rect(0, 0, 40, 36), palette.WebSafe)
		draw.Draw(frame, frame.Bounds(), textured(40+i, 36, false), image.Pt(i, 0), draw.Src)
		frames.Image, frames.Delay = append(frames.Image, frame), append(frames.Delay, 10)
	}
	return map[string][]byte{
		"photo.jpg": jpegOf(t, textured(120, 90, false)), "portrait.png": pngOf(t, textured(45, 70, false)),
		"large.jpg": jpegOf(t, textured(260, 200, false)), "alpha.png": pngOf(t, textured(64, 48, true)),
		"deep.png": pngOf(t, deep), "gray.png": pngOf(t, gray),
		"frames.gif": encoded(func(w io.Writer) error { return gif.EncodeAll(w, frames) }),
		"small.webp": encoded(func(w io.Writer) error { return nativewebp.Encode(w, textured(52, 44, true), nil) }),
		"scan.tiff":  encoded(func(w io.Writer) error { return tiff.Encode(w, textured(56, 42, false), nil) }),
		"plain.bmp":  encoded(func(w io.Writer) error { return bmp.Encode(w, textured(44, 34, false)) }),
	}
}

// soakCase is an image and a request for it: of an API, which returns the
// result, and of the command line.
type soakCase struct {
	name, picture string
	ask           func(c *soakClient, picture []byte) ([]byte, error)
	arguments     string
}

// soakCases are jobs of all APIs that must succeed.
func soakCases() []soakCase {
	general := "R-ESRGAN General 4xV3"
	return []soakCase{
		{"mnml 2x", "photo.jpg", askMnml("scale=2"), "--scale 2 --format png"},
		{"mnml frames", "frames.gif", askMnml("scale=1.5"), "--scale 1.5 --format png"},
		{"ailab base", "portrait.png", askAILab("upscale_factor=3", "mode=base"), "--model realesr-general-x4v3 --scale 3 --format png"},
		{"ailab jpg", "plain.bmp", askAILab("upscale_factor=2", "mode=base", "output_format=jpg"), "--model realesr-general-x4v3 --scale 2 --format jpeg --quality 95"},
		{"maskr 4x", "photo.jpg", askMaskr("?scale_factor=4"), "--scale 4 --format jpeg --quality 85"},
		{"maskr webp", "alpha.png", askMaskr("?scale_factor=2&output_format=webp&quality=90"), "--scale 2 --format webp --quality 90"},
		{"maskr batch", "gray.png", askMaskrBatch, "--scale 2 --format png"},
		{"artnex data", "photo.jpg", askArtnex("data:image/jpeg;base64,", 2), "--scale 2 --format jpeg"},
		// Transparent images become PNG.
		{"artnex url", "small.webp", askArtnex("", 3), "--scale 3 --format png"},
		{"aetherforge 1K", "large.jpg", askAetherforge, "--longest 1024 --format jpeg"},
		{"replicate", "deep.png", askReplicate, "--scale 2 --format png"},
		{"replicate file", "alpha.png", askReplicateFile, "--scale 2.5 --format png"},
		{"cog", "alpha.png", askCog, "--scale 3 --format png"},
		{"automatic1111", "gray.png", askAutomatic(general), "--model realesr-general-x4v3 --scale 2 --format png"},
		{"native tiff", "scan.tiff", askNative("scale=2"), "--scale 2"},
		{"native fit", "photo.jpg", askNative("fit=100x100", "format=webp", "lossless=true"), "--fit 100x100 --format webp --lossless"},
		{"native size", "alpha.png", askNative("width=200", "height=90", "format=tiff"), "--width 200 --height 90 --format tiff"},
		{"native frames", "frames.gif", askNative("scale=2"), "--scale 2"},
		{"native denoise", "portrait.png", askNative("model=realesr-general-x4v3", "denoise=1", "format=jpeg", "quality=70"), "--model realesr-general-x4v3 --denoise 1 --format jpeg --quality 70"},
		{"native faces", "portrait.png", askNative("face_enhance=true", "scale=2"), "--face-enhance --scale 2"},
		{"native tiles", "large.jpg", askNative("tile=200", "scale=1", "strip=true"), "--tile 200 --scale 1 --strip"},
		{"native url", "deep.png", askNativeURL, "--scale 2"},
		{"native events", "photo.jpg", askNativeEvents, "--scale 2"},
		{"native batch", "small.webp", askNativeBatch, "--scale 2"},
	}
}

func askMnml(fields ...string) func(*soakClient, []byte) ([]byte, error) {
	return func(c *soakClient, picture []byte) ([]byte, error) {
		id, err := c.text(200, c.form("/v1/upscale", "image", picture, fields...), "id")
		if err != nil {
			return nil, err
		}
		body, err := c.poll("/v1/status/"+id, "status", "starting", "processing")
		return c.linked(body, err, "message", 0)
	}
}

// linked downloads the result that an answer names.
func (c *soakClient) linked(body []byte, err error, path ...any) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	url, err := textInside(body, path...)
	if err != nil {
		return nil, err
	}
	return c.download(url)
}

func askAILab(fields ...string) func(*soakClient, []byte) ([]byte, error) {
	return func(c *soakClient, picture []byte) ([]byte, error) {
		r := c.form("/api/image/enhance/image-lossless-enlargement", "image", picture, fields...)
		r.Header.Set("ailabapi-api-key", c.key)
		body, err := c.want(200, r)
		return c.linked(body, err, "data", "url")
	}
}

func askMaskr(query string) func(*soakClient, []byte) ([]byte, error) {
	return func(c *soakClient, picture []byte) ([]byte, error) {
		body, err := c.want(200, c.form("/v1/services/image-upscaling"+query, "file", picture))
		return c.linked(body, err, "result", "output_url")
	}
}

// askMaskrBatch sends an image twice.
func askMaskrBatch(c *soakClient, picture []byte) ([]byte, error) {
	r := forms(c.t, c.url+"/v1/services/image-upscaling/batch?scale_factor=2&output_format=png", "files", [][]byte{picture, picture})
	body, err := c.want(200, r)
	return c.twins(body, err, []any{"results", 0, "output_url"}, []any{"results", 1, "output_url"})
}

// twins downloads two results that have to be equal.
func (c *soakClient) twins(body []byte, err error, first, second []any) ([]byte, error) {
	one, err := c.linked(body, err, first...)
	other, otherErr := c.linked(body, err, second...)
	if err == nil && otherErr == nil && !bytes.Equal(one, other) {
		return nil, errors.New("two results of one picture differ")
	}
	return one, errors.Join(err, otherErr)
}

// askArtnex sends an image behind a prefix, or with none a URL.
func askArtnex(prefix string, scale int) func(*soakClient, []byte) ([]byte, error) {
	return func(c *soakClient, picture []byte) ([]byte, error) {
		source := prefix + base64.StdEncoding.EncodeToString(picture)
		if prefix == "" {
			source = c.outside + "/small.webp"
		}
		body, err := c.want(200, c.json("/v1/upscale", fmt.Sprintf(`{"image":%q,"scale":%d}`, source, scale)))
		return c.linked(body, err, "image_url")
	}
}

func askAetherforge(c *soakClient, picture []byte) ([]byte, error) {
	id, err := c.text(200, c.form("/public/v1/image-tune/upscale", "image", picture, "scale=1K"), "job_id")
	if err != nil {
		return nil, err
	}
	body, err := c.poll("/public/v1/job/"+id, "status", "Pending")
	return c.linked(body, err, "image_urls", 0)
}

func askReplicate(c *soakClient, picture []byte) ([]byte, error) {
	return c.predict("data:image/png;base64,"+base64.StdEncoding.EncodeToString(picture), "2")
}

// askCog decodes the data URI that a container of Cog would return.
func askCog(c *soakClient, picture []byte) ([]byte, error) {
	uri, err := c.text(200, c.json("/predictions", `{"input":{"image":"data:image/png;base64,`+base64.StdEncoding.EncodeToString(picture)+`","scale":3}}`), "output")
	if err != nil {
		return nil, err
	}
	_, encoded, _ := strings.Cut(uri, ",")
	return base64.StdEncoding.DecodeString(encoded)
}

// predict follows a prediction to its end.
func (c *soakClient) predict(source, scale string) ([]byte, error) {
	body, err := c.want(201, c.json("/v1/models/nightmareai/real-esrgan/predictions", fmt.Sprintf(`{"input":{"image":%q,"scale":%s}}`, source, scale)))
	if err != nil {
		return nil, err
	}
	id, err := textInside(body, "id")
	if err != nil {
		return nil, err
	}
	body, err = c.poll("/v1/predictions/"+id, "status", "starting", "processing")
	return c.linked(body, err, "output")
}

// askReplicateFile uploads a file, uses it and deletes it mostly; the others
// expire.
func askReplicateFile(c *soakClient, picture []byte) ([]byte, error) {
	body, err := c.want(201, c.form("/v1/files", "content", picture))
	if err != nil {
		return nil, err
	}
	url, err := textInside(body, "urls", "get")
	if err != nil {
		return nil, err
	}
	result, err := c.predict(url, "2.5")
	if err == nil && !c.one(3) {
		_, err = c.want(204, c.request(http.MethodDelete, url, nil))
	}
	return result, err
}

func askAutomatic(upscaler string) func(*soakClient, []byte) ([]byte, error) {
	return func(c *soakClient, picture []byte) ([]byte, error) {
		encoded, err := c.text(200, c.json("/sdapi/v1/extra-single-image", fmt.Sprintf(
			`{"upscaling_resize":2,"upscaler_1":%q,"image":%q}`, upscaler, base64.StdEncoding.EncodeToString(picture))), "image")
		if err != nil {
			return nil, err
		}
		return base64.StdEncoding.DecodeString(encoded)
	}
}

// askNative waits, sometimes with a webhook for its end.
func askNative(fields ...string) func(*soakClient, []byte) ([]byte, error) {
	return func(c *soakClient, picture []byte) ([]byte, error) {
		asked := fields
		if c.one(3) {
			asked = append([]string{"webhook=" + c.outside + "/hook", "webhook_started=true"}, fields...)
		}
		r := c.form("/api/v1/jobs", "file", picture, asked...)
		r.Header.Set("Prefer", "wait")
		body, err := c.want(200, r)
		return c.linked(body, err, "result", "url")
	}
}

func askNativeURL(c *soakClient, _ []byte) ([]byte, error) {
	body, err := c.want(200, c.json("/api/v1/jobs", fmt.Sprintf(`{"url":%q,"scale":2}`, c.outside+"/deep.png")))
	return c.linked(body, err, "result", "url")
}

// askNativeEvents follows the events, and takes the result with the key.
func askNativeEvents(c *soakClient, picture []byte) ([]byte, error) {
	id, err := c.text(202, c.form("/api/v1/jobs", "file", picture, "scale=2"), "id")
	if err != nil {
		return nil, err
	}
	if err := c.follow("/api/v1/jobs/"+id+"/events", 1); err != nil {
		return nil, err
	}
	return c.download(c.url + "/api/v1/jobs/" + id + "/result")
}

// follow reads events until so many jobs have succeeded.
func (c *soakClient) follow(path string, jobs int) error {
	r := c.get(path)
	r.Header.Set("Authorization", "Bearer "+c.key)
	response, err := c.http.Do(r)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, 1<<20)
	for jobs > 0 && lines.Scan() {
		data, is := strings.CutPrefix(lines.Text(), "data: ")
		if !is {
			continue
		}
		switch state, err := textInside([]byte(data), "state"); {
		case err != nil || state == "failed" || state == "canceled":
			return fmt.Errorf("%s: %s, %w", path, data, err)
		case state == "succeeded":
			jobs--
		}
	}
	if jobs > 0 {
		return fmt.Errorf("%s: ended before the jobs did: %w", path, lines.Err())
	}
	return nil
}

// askNativeBatch sends an image twice and follows both.
func askNativeBatch(c *soakClient, picture []byte) ([]byte, error) {
	body, err := c.want(202, forms(c.t, c.url+"/api/v1/jobs", "file", [][]byte{picture, picture}, "scale=2"))
	if err != nil {
		return nil, err
	}
	one, err := textInside(body, "jobs", 0, "id")
	other, otherErr := textInside(body, "jobs", 1, "id")
	if err = errors.Join(err, otherErr); err != nil {
		return nil, err
	}
	if err := c.follow("/api/v1/events?ids="+one+","+other, 2); err != nil {
		return nil, err
	}
	return c.twins(body, nil, []any{"jobs", 0, "urls", "result"}, []any{"jobs", 1, "urls", "result"})
}
