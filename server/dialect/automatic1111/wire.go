package automatic1111

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"upscaled/server/job"
)

// UpscalerItem is one of GET /sdapi/v1/upscalers. What is not told is null.
type UpscalerItem struct {
	Name      string  `json:"name"`
	ModelName *string `json:"model_name"`
	ModelPath *string `json:"model_path"`
	ModelURL  *string `json:"model_url"`
	Scale     int     `json:"scale"`
}

// ModelItem is one of GET /sdapi/v1/realesrgan-models. The path is null.
type ModelItem struct {
	Name  string  `json:"name"`
	Path  *string `json:"path"`
	Scale int     `json:"scale"`
}

// pair is one entry of html_info.
type pair struct{ key, value string }

// info are the vendor's words for what was done.
func (o order) info(p plan) []pair {
	var all []pair
	add := func(key, value string) { all = append(all, pair{key, value}) }
	if p.first.Name != none {
		if o.toSize {
			add("Postprocess upscale to", strconv.Itoa(o.width)+"x"+strconv.Itoa(o.height))
		} else {
			add("Postprocess upscale by", decimal(o.scale))
		}
		if p.cropWidth > 0 {
			add("Postprocess crop to", strconv.Itoa(p.cropWidth)+"x"+strconv.Itoa(p.cropHeight))
		}
		add("Postprocess upscaler", p.first.Name)
	}
	if p.share > 0 {
		add("Postprocess upscaler 2", p.second.Name)
	}
	if o.gfpgan > 0 {
		add("GFPGAN visibility", thousandths(o.gfpgan))
	}
	if o.codeformer > 0 {
		add("CodeFormer visibility", thousandths(o.codeformer))
		add("CodeFormer weight", thousandths(o.weight))
	}
	return all
}

// htmlInfo is the paragraph that the vendor shows, escaped as Python does.
func htmlInfo(all []pair) string {
	entries := make([]string, len(all))
	for i, p := range all {
		entries[i] = p.key + ": " + quoted(p.value)
	}
	escape := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&#x27;", "\n", "<br>\n")
	return "<p>" + escape.Replace(strings.Join(entries, ", ")) + "</p>"
}

// quoted is a value whose own separators cannot be mistaken for the list's.
func quoted(value string) string {
	if !strings.ContainsAny(value, ",\n:") {
		return value
	}
	text, _ := json.Marshal(value) // strings always can be
	return string(text)
}

// decimal writes a number as Python does: whole ones with a zero.
func decimal(n float64) string {
	text := strconv.FormatFloat(n, 'f', -1, 64)
	if !strings.Contains(text, ".") {
		text += ".0"
	}
	return text
}

// thousandths is a number rounded to three places.
func thousandths(n float64) string {
	rounded, _ := strconv.ParseFloat(strconv.FormatFloat(n, 'f', 3, 64), 64)
	return decimal(rounded)
}

// answer writes html_info and pictures as JSON. The base64 goes out while it
// is made, as a result may be far larger than its file was.
func answer(c echo.Context, html string, done []result, batch bool) error {
	header := c.Response().Header()
	for _, d := range done {
		if d.restorer != "" {
			header.Set(job.FaceHeader, d.restorer)
			break
		}
	}
	header.Set(echo.HeaderContentType, echo.MIMEApplicationJSON)
	c.Response().WriteHeader(http.StatusOK)
	open, end := `,"image":`, "}\n"
	if batch {
		open, end = `,"images":[`, "]}\n"
	}
	w := errorWriter{w: c.Response()}
	w.text(`{"html_info":` + plainJSON(html) + open)
	for i, d := range done {
		if i > 0 {
			w.text(",")
		}
		w.text(`"`)
		encoder := base64.NewEncoder(base64.StdEncoding, &w)
		_, _ = encoder.Write(d.png) // w keeps the error
		_ = encoder.Close()
		w.text(`"`)
	}
	w.text(end)
	return w.err
}

// plainJSON is a JSON string without HTML escapes.
func plainJSON(s string) string {
	var out strings.Builder
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(s) // strings always can be, and a builder takes all
	return strings.TrimSuffix(out.String(), "\n")
}

// errorWriter keeps the first error and then writes no more.
type errorWriter struct {
	w   io.Writer
	err error
}

func (w *errorWriter) Write(p []byte) (int, error) {
	if w.err != nil {
		return 0, w.err
	}
	var n int
	n, w.err = w.w.Write(p)
	return n, w.err
}

func (w *errorWriter) text(s string) { _, _ = io.WriteString(w, s) }
