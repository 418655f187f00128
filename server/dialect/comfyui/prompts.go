package comfyui

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"path"
	"regexp"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"upscaled/models/fault"
	"upscaled/server/dialect"
	"upscaled/server/file"
	"upscaled/server/job"
	"upscaled/server/upload"
)

// Limits in bytes of a request's body, of the graph in it, which a job's record
// holds, and of a client's texts; and of the jobs of a prompt.
const maxBody, maxGraph, maxText, maxJobs = 8 << 20, 64 << 10, 128, 20

// memo is the part of a prompt that its jobs' records hold. All but the last one's hold
// only Prompt: once the last job is accepted, all of them are.
type memo struct {
	Prompt string          `json:"prompt"`
	Client string          `json:"client,omitempty"`
	Graph  json.RawMessage `json:"graph,omitempty"`
}

const jobPrefix = "comfy-"

// jobID returns the ID of a prompt's i-th job from the last, which is 0.
func jobID(caller job.Caller, prompt string, i int) string {
	return dialect.OwnID(jobPrefix, caller, "job", prompt, strconv.Itoa(i))
}

// resultName finds the ID of a job in the name of its image.
var resultName = regexp.MustCompile(`_([0-9a-f]{32})_\.png$`)

// fileID returns the ID of a caller's file, or of the job whose result it is.
func fileID(caller job.Caller, folder, name string) string {
	if match := resultName.FindStringSubmatch(name); match != nil && folder != "input" {
		return jobPrefix + match[1]
	}
	return dialect.OwnID("comfyfile-", caller, folder, path.Join("/", name))
}

// upload handles POST upload/image. As with the vendor a name is used once, unless
// the contents are the same or are to be overwritten.
func (a *API) upload(c echo.Context, caller job.Caller) error {
	form, err := dialect.ReadForm(c, a.config.MaxBytes+dialect.FormSlack, upload.Limits{FileBytes: a.config.MaxBytes, Files: 1}, "image")
	image, _ := form.File("image")
	folder, subfolder := cmp.Or(form.Fields["type"], "input"), form.Fields["subfolder"]
	first := path.Join("/", subfolder, image.Name)
	switch {
	case dialect.IsBodyTooLarge(err) || image.Size > int64(len(image.Data)):
		return fault.New(fault.TooLarge, "The file is too large.")
	case err != nil:
		return refusal(http.StatusBadRequest, "invalid_form", fault.Sentence(err))
	case image.Size == 0 || image.Name == "" || len(first) > 255 || first != "/"+path.Join(subfolder, image.Name):
		return refusal(http.StatusBadRequest, "invalid_file", "The form needs a file in the field image, with a name below the folder.")
	}
	ctx, name, sum := c.Request().Context(), first, sha256.Sum256(image.Data)
	overwrite, _ := upload.ParseBool(form.Fields["overwrite"])
	known, err := a.files.Uploaded(ctx, caller, fileID(caller, folder, name))
	for i := 1; err == nil && !overwrite && known.SHA256 != hex.EncodeToString(sum[:]); i++ {
		name = fmt.Sprintf("%s (%d)%s", strings.TrimSuffix(first, path.Ext(first)), i, path.Ext(first))
		known, err = a.files.Uploaded(ctx, caller, fileID(caller, folder, name))
	}
	if err == nil {
		err = a.files.Uploads.DeleteUpload(ctx, known.ID) // it gets its full time again
	}
	if err == nil || fault.KindOf(err) == fault.NotFound {
		_, err = a.files.Store(ctx, caller, fileID(caller, folder, name), name, image.Data)
	}
	return dialect.Reply(c, http.StatusOK, map[string]string{"name": path.Base(name), "subfolder": subfolder, "type": folder}, err)
}

// view handles GET view. Clients that ask for a preview or one channel get the file.
func (a *API) view(c echo.Context, caller job.Caller) error {
	name := path.Join(c.QueryParam("subfolder"), c.QueryParam("filename"))
	content, err := a.files.Open(c.Request().Context(), caller, fileID(caller, cmp.Or(c.QueryParam("type"), "output"), name))
	if err != nil {
		return err
	}
	defer content.Close()
	disposition := file.Disposition("inline", file.Stem(name)+path.Ext(name))
	if content.Job.ID != "" {
		file.ServeResult(c, content.Job, content, disposition)
		return nil
	}
	c.Response().Header().Set(echo.HeaderContentDisposition, disposition)
	return c.Stream(http.StatusOK, content.ContentType, content)
}

// image returns the file that a LoadImage names, such as "a.png" or "b/a.png
// [output]".
func (a *API) image(ctx context.Context, caller job.Caller, name string) ([]byte, error) {
	folder := "input"
	if at := strings.LastIndex(name, " ["); at > 0 && strings.HasSuffix(name, "]") {
		name, folder = name[:at], name[at+2:len(name)-1]
	}
	data, _, err := a.files.Read(ctx, caller, fileID(caller, folder, name), a.config.MaxBytes)
	return data, err
}

// read parses a JSON body; as with the vendor its content type is ignored.
func read(c echo.Context, into any) error {
	text, err := dialect.ReadJSON(c, maxBody)
	if dialect.IsBodyTooLarge(err) {
		return fault.Wrap(fault.TooLarge, err, "The request is too large.")
	} else if err != nil || len(text) > 0 && json.Unmarshal(text, into) != nil {
		return refusal(http.StatusBadRequest, "invalid_json", "The request body must be JSON.")
	}
	return nil
}

var errPromptID error = refusal(http.StatusBadRequest, "invalid_prompt_id", "The prompt_id was used before, or an ID is too long.")

// prompt handles POST prompt.
func (a *API) prompt(c echo.Context, caller job.Caller) error {
	ctx := c.Request().Context()
	var body struct {
		Prompt   json.RawMessage `json:"prompt"`
		ClientID string          `json:"client_id"`
		PromptID string          `json:"prompt_id"`
	}
	if err := read(c, &body); err != nil {
		return err
	}
	var text bytes.Buffer
	_ = json.Compact(&text, body.Prompt) // fails only without a prompt
	m := memo{cmp.Or(body.PromptID, dialect.NewUUID(4)), body.ClientID, text.Bytes()}
	earlier, err := a.one(ctx, caller, m.Prompt, nil)
	again := dialect.Keyed(ctx) && bytes.Equal(earlier.Graph, m.Graph)
	if err == nil && !again || max(len(body.PromptID), len(body.ClientID)) > maxText {
		return errPromptID
	}
	models, err := a.services.Upscalers(ctx)
	if err != nil {
		return err
	}
	g := parse(m.Graph, a.classes, models, func(name string) (info job.InputInfo, err error) {
		data, err := a.image(ctx, caller, name)
		if err == nil {
			info, err = a.services.Inspect(ctx, data, a.config.Config)
		}
		return info, err
	})
	if err := g.refuse(); err != nil {
		return err
	}
	ids, prompt := make([]string, len(g.chains)), m.Prompt
	for i := range ids {
		ids[i] = jobID(caller, prompt, len(ids)-1-i)
	}
	err = a.services.AllOrNone(ctx, ids, 1, func(ctx context.Context, i int) error {
		spec, note := g.chains[i].spec, m
		if i < len(ids)-1 {
			note = memo{Prompt: prompt}
		}
		spec.ID, spec.API, spec.Account, spec.Price, spec.Part, spec.ClientID = ids[i], Name, caller.ID, a.config.Price, i, true
		spec.Memo = dialect.EncodeMemo(note)
		data, err := a.image(ctx, caller, spec.InputName)
		if err != nil {
			return err
		}
		submitted, err := a.services.Queue.Submit(ctx, spec, data)
		if submitted.Repeated { // by its idempotency key
			m.Prompt = dialect.DecodeMemo[memo](submitted.Job.Memo).Prompt
		}
		return err
	})
	if fault.KindOf(err) == fault.Conflict && !dialect.Keyed(ctx) { // a request at the same time
		return errPromptID
	} else if err != nil {
		return err
	}
	a.streams.Wake(caller)
	return dialect.JSON(c, http.StatusOK, map[string]any{"prompt_id": m.Prompt, "number": a.services.Now().UnixMilli(), "node_errors": struct{}{}})
}
