package replicate

import (
	"bytes"
	"encoding/json"
	"strings"

	"upscaled/server/job"
)

// Input is a prediction's input as the client gave it.
type Input struct {
	Image       string   `json:"image"`
	Scale       *float64 `json:"scale,omitempty"`
	FaceEnhance *bool    `json:"face_enhance,omitempty"`
}

// memo is what a job remembers of its request, since predictions repeat it.
type memo struct {
	Model   string `json:"model"`
	Version string `json:"version"`
	Input   Input  `json:"input"`
	// Base is the URL that the client reached the server at, for webhooks.
	Base string `json:"base"`
}

func encodeMemo(m memo) string {
	text, _ := json.Marshal(m) // strings and finite numbers: it cannot fail
	return string(text)
}

// decodeMemo gives what encodeMemo was given, and nothing for the text of
// anybody else.
func decodeMemo(text string) memo {
	var m memo
	if json.Unmarshal([]byte(text), &m) != nil {
		return memo{}
	}
	return m
}

// maxRepeated is how much of an image's URL a prediction repeats, in bytes.
// Job records are small; a data URI would be the whole picture.
const maxRepeated = 4 << 10

// repeated is an image as predictions repeat it: long ones end in "...".
func repeated(image string) string {
	if len(image) <= maxRepeated {
		return image
	}
	const ellipsis = "..."
	if header, _, found := strings.Cut(image, ","); found && hasScheme(image, "data:") && len(header) < maxRepeated {
		return header + "," + ellipsis
	}
	return strings.ToValidUTF8(image[:maxRepeated-len(ellipsis)], "") + ellipsis
}

// Body is what a webhook is told of a job: the prediction, with URLs below the
// address that the client reached the server at. Its output is a URL, never a
// data URI. The events output and logs come with completed, which is sent
// always; start is sent where it was asked for.
func (a *API) Body(j job.Job) (contentType string, body []byte, err error) {
	base := decodeMemo(j.Memo).Base
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false) // as answers are
	err = encoder.Encode(predictionOf(j, base, a.resultURL(base, j)))
	return "application/json", text.Bytes(), err
}
