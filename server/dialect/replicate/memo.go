package replicate

import (
	"strings"

	"upscaled/server/dialect"
	"upscaled/server/job"
)

// Input is a prediction's input as the client sent it. Models differ in the names of
// image and scale.
type Input struct {
	Image       string   `json:"image,omitempty"`
	Img         string   `json:"img,omitempty"`
	Scale       *float64 `json:"scale,omitempty"`
	Upscale     *float64 `json:"upscale,omitempty"`
	FaceEnhance *bool    `json:"face_enhance,omitempty"`
	Version     string   `json:"version,omitempty"`
}

// memo is the part of the request that a job's record keeps, since predictions
// repeat it.
type memo struct {
	Model   string `json:"model"`
	Version string `json:"version"`
	Input   Input  `json:"input"`
	// Base is the URL by which the client reached the server, for webhooks.
	Base string `json:"base"`
}

// maxRepeated is how much of an image's URL a prediction repeats, in bytes. Job
// records are small, while a data URI is a whole image.
const maxRepeated = 4 << 10

// repeated returns an image's URL as predictions repeat it: long ones end in
// "...".
func repeated(image string) string {
	if len(image) <= maxRepeated {
		return image
	}
	const ellipsis = "..."
	if header, _, found := strings.Cut(image, ","); found && dialect.HasScheme(image, "data:") && len(header) < maxRepeated {
		return header + "," + ellipsis
	}
	return strings.ToValidUTF8(image[:maxRepeated-len(ellipsis)], "") + ellipsis
}

// Body returns the body of a job's webhook: the prediction, with URLs below the
// one by which the client reached the server. Its output is a URL, never a data
// URI. The events output and logs are part of completed, which is always sent;
// start is sent on request.
func (a *API) Body(j job.Job) (contentType string, body []byte, err error) {
	base := dialect.DecodeMemo[memo](j.Memo).Base
	body, err = dialect.Marshal(predictionOf(j, base, a.services.NamedURL(base, j, output)))
	return "application/json", body, err
}
