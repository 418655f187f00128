package automatic1111

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"upscaled/server/dialect"
	"upscaled/server/job"
)

// UpscalerItem is an item of GET /sdapi/v1/upscalers.
type UpscalerItem struct {
	Name      string  `json:"name"`
	ModelName *string `json:"model_name"`
	ModelPath *string `json:"model_path"`
	ModelURL  *string `json:"model_url"`
	Scale     int     `json:"scale"`
}

// ModelItem is an item of GET /sdapi/v1/realesrgan-models.
type ModelItem struct {
	Name  string  `json:"name"`
	Path  *string `json:"path"`
	Scale int     `json:"scale"`
}

// pair is one entry of html_info.
type pair struct{ key, value string }

// info describes the work in the vendor's words.
func (r request) info(p plan) []pair {
	var all []pair
	add := func(key, value string) { all = append(all, pair{key, value}) }
	if p.first.Name != none {
		if r.toSize {
			add("Postprocess upscale to", strconv.Itoa(r.width)+"x"+strconv.Itoa(r.height))
		} else {
			add("Postprocess upscale by", decimal(r.scale))
		}
		if p.options.CropWidth > 0 {
			add("Postprocess crop to", strconv.Itoa(p.options.CropWidth)+"x"+strconv.Itoa(p.options.CropHeight))
		}
		add("Postprocess upscaler", p.first.Name)
	}
	if p.visibility > 0 {
		add("Postprocess upscaler 2", p.second.Name)
	}
	if r.gfpgan > 0 {
		add("GFPGAN visibility", thousandths(r.gfpgan))
	}
	if r.codeformer > 0 {
		add("CodeFormer visibility", thousandths(r.codeformer))
		add("CodeFormer weight", thousandths(r.weight))
	}
	return all
}

// infoText returns the vendor's text for the file's text chunk "postprocessing".
func infoText(all []pair) string {
	entries := make([]string, len(all))
	for i, p := range all {
		entries[i] = p.key + ": " + quoted(p.value)
	}
	return strings.Join(entries, ", ")
}

// htmlInfo returns the paragraph that the vendor shows, escaped as in Python.
func htmlInfo(all []pair) string {
	escape := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&#x27;", "\n", "<br>\n")
	return "<p>" + escape.Replace(infoText(all)) + "</p>"
}

// quoted quotes a value that contains separators of the list.
func quoted(value string) string {
	if !strings.ContainsAny(value, ",\n:") {
		return value
	}
	text, _ := json.Marshal(value) // strings always marshal
	return string(text)
}

// decimal formats a number as Python does: "2.0" for whole ones.
func decimal(n float64) string {
	text := strconv.FormatFloat(n, 'f', -1, 64)
	if !strings.Contains(text, ".") {
		text += ".0"
	}
	return text
}

// thousandths formats a number rounded to three places.
func thousandths(n float64) string {
	rounded, _ := strconv.ParseFloat(strconv.FormatFloat(n, 'f', 3, 64), 64)
	return decimal(rounded)
}

// respond writes html_info and images as JSON. It streams the base64, since a
// result may be far larger than its input.
func respond(c echo.Context, html string, done []result, batch bool) error {
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
	info, err := dialect.Marshal(html)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(c.Response()) // keeps its first error until Flush
	_, _ = w.WriteString(`{"html_info":` + strings.TrimSuffix(string(info), "\n") + open)
	for i, d := range done {
		if i > 0 {
			_ = w.WriteByte(',')
		}
		_ = w.WriteByte('"')
		encoder := base64.NewEncoder(base64.StdEncoding, w)
		_, _ = encoder.Write(d.png)
		_ = encoder.Close()
		_ = w.WriteByte('"')
	}
	_, _ = w.WriteString(end)
	return w.Flush()
}
