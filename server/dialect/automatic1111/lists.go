package automatic1111

import (
	"bytes"
	"encoding/binary"
	"net/http"

	"github.com/labstack/echo/v4"

	"upscaled/models/fault"
	"upscaled/server/dialect"
	"upscaled/server/job"
)

// fixed returns the bodies of GET calls by which clients check a connection and
// fill their menus. This server generates no images, so most lists are empty.
func fixed() map[string]any {
	none := []string{}
	all := map[string]any{
		"/options":    map[string]any{"samples_format": "png", "sd_model_checkpoint": "", "sd_vae": "None"},
		"/cmd-flags":  map[string]any{"api": true},
		"/scripts":    map[string]any{"txt2img": none, "img2img": none},
		"/embeddings": map[string]any{"loaded": struct{}{}, "skipped": struct{}{}},
	}
	for _, path := range []string{
		"/samplers", "/schedulers", "/sd-models", "/sd-vae", "/hypernetworks", "/loras", "/prompt-styles", "/latent-upscale-modes",
		"/extensions",
	} {
		all[path] = none
	}
	return all
}

// listUpscalers handles GET upscalers.
func (m menus) listUpscalers(c echo.Context, _ job.Caller) error {
	all, err := m.upscalers(c.Request().Context())
	if err != nil {
		return err
	}
	items := []UpscalerItem{}
	for _, u := range all {
		items = append(items, UpscalerItem{Name: u.Name, Scale: u.Scale})
	}
	return dialect.JSON(c, http.StatusOK, items)
}

// listModels handles GET realesrgan-models.
func (m menus) listModels(c echo.Context, _ job.Caller) error {
	items := []ModelItem{}
	for _, u := range m.config.Upscalers {
		items = append(items, ModelItem{Name: u.Name, Scale: u.Scale})
	}
	return dialect.JSON(c, http.StatusOK, items)
}

// RestorerItem is an item of GET /sdapi/v1/face-restorers.
type RestorerItem struct {
	Name   string  `json:"name"`
	CmdDir *string `json:"cmd_dir"`
}

// listRestorers handles GET face-restorers with those that a request may ask for.
func (m menus) listRestorers(c echo.Context, _ job.Caller) error {
	items := []RestorerItem{}
	for i, asked := range []request{{codeformer: 1, weight: m.config.CodeFormerWeight}, {gfpgan: 1}} {
		if _, err := m.faces(c.Request().Context(), asked); err == nil {
			items = append(items, RestorerItem{Name: []string{"CodeFormer", "GFPGAN"}[i]})
		}
	}
	return dialect.JSON(c, http.StatusOK, items)
}

// setOptions handles POST options. The vendor's options concern the generation of
// images and its own page, so they have no effect here.
func (a *API) setOptions(c echo.Context, _ job.Caller) error {
	body, err := a.body(c, bodyOverhead)
	if err == nil {
		_, err = object(body)
	}
	return dialect.Reply(c, http.StatusOK, nil, err)
}

// interrupt handles POST interrupt: it cancels the caller's jobs of this API.
func (m menus) interrupt(c echo.Context, caller job.Caller) error {
	ctx := c.Request().Context()
	recent, err := dialect.Recent(ctx, m.stores.Lister, Name, caller)
	if err == nil {
		err = m.services.CancelAll(ctx, recent)
	}
	return dialect.Reply(c, http.StatusOK, struct{}{}, err)
}

// PNGInfo is the response of POST png-info: the text chunks of a PNG file. The
// chunk "parameters" describes how it was generated.
type PNGInfo struct {
	Info       string            `json:"info"`
	Items      map[string]string `json:"items"`
	Parameters struct{}          `json:"parameters"`
}

// pngInfo handles POST png-info.
func (a *API) pngInfo(c echo.Context, _ job.Caller) error {
	body, err := a.body(c, a.singleLimit())
	if err != nil {
		return err
	}
	f, err := object(body)
	if err != nil {
		return err
	}
	image := f.single()
	if err := f.invalid.OrNil(); err != nil {
		return err
	}
	data, err := decodeBase64(text(image.raw), a.config.MaxBytes)
	if err != nil {
		return err
	}
	if _, err := a.services.Inspect(c.Request().Context(), data, a.config.Config); fault.KindOf(err) == fault.Invalid || fault.KindOf(err) == fault.Unsupported {
		return errEncoded
	}
	items := textChunks(data)
	return dialect.JSON(c, http.StatusOK, PNGInfo{Info: items["parameters"], Items: items})
}

// textChunks returns the uncompressed texts of a PNG file by keyword; none of
// other files.
func textChunks(file []byte) map[string]string {
	const signature, overhead = 8, 12
	texts := map[string]string{}
	if !bytes.HasPrefix(file, []byte("\x89PNG\r\n\x1a\n")) {
		return texts
	}
	for rest := file[signature:]; len(rest) >= overhead; {
		size := int64(binary.BigEndian.Uint32(rest))
		if size > int64(len(rest)-overhead) {
			break
		}
		keyword, value, _ := bytes.Cut(rest[8:8+size], []byte{0})
		switch string(rest[4:8]) {
		case "tEXt":
			runes := make([]rune, len(value)) // Latin-1
			for i, b := range value {
				runes[i] = rune(b)
			}
			texts[string(keyword)] = string(runes)
		case "iTXt":
			// Compression flag and method, language, translated keyword, text.
			if len(value) > 2 && value[0] == 0 {
				parts := bytes.SplitN(value[2:], []byte{0}, 3)
				texts[string(keyword)] = string(parts[len(parts)-1])
			}
		}
		rest = rest[overhead+size:]
	}
	return texts
}
