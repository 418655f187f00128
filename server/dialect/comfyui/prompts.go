package comfyui

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"upscaled/models/fault"
	"upscaled/server/dialect"
	"upscaled/server/job"
)

// Limits in bytes of a request's body, of the graph in it, which a job's record
// holds, and of a client's texts; and of the jobs of a prompt.
const maxBody, maxGraph, maxText, maxJobs = 8 << 20, 64 << 10, 128, 20

// memo is what the record of a job holds of its prompt. Graph and Jobs, the number
// of jobs, are those of the first.
type memo struct {
	Prompt string          `json:"prompt"`
	Client string          `json:"client,omitempty"`
	Graph  json.RawMessage `json:"graph,omitempty"`
	Jobs   int             `json:"jobs,omitempty"`
	// Nodes are those that run. Work is the one that takes the time, Class its kind.
	Nodes   []string `json:"nodes"`
	Work    string   `json:"work"`
	Class   string   `json:"class"`
	Outputs []output `json:"outputs"`
}

// output is a node that saves a job's image in the folder "output" or "temp", under
// a name that may begin with subfolders.
type output struct {
	Node   string `json:"node"`
	Folder string `json:"folder"`
	Prefix string `json:"prefix"`
}

// prompts handles prompts.
type prompts struct{ files }

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

// prompt handles POST prompt.
func (a *API) prompt(c echo.Context, caller job.Caller) error {
	var body struct {
		Prompt   json.RawMessage `json:"prompt"`
		ClientID string          `json:"client_id"`
		PromptID string          `json:"prompt_id"`
	}
	if err := read(c, &body); err != nil {
		return err
	}
	var text bytes.Buffer
	g := &graph{errors: map[string]*NodeErrors{}}
	if json.Unmarshal(body.Prompt, &g.nodes) != nil || json.Compact(&text, body.Prompt) != nil || text.Len() > maxGraph {
		return refusal(http.StatusBadRequest, "no_prompt", "The prompt must be an object of nodes, of at most 64 KiB.")
	}
	if body.PromptID == "" {
		body.PromptID = dialect.NewUUID(4)
	}
	ctx := c.Request().Context()
	earlier, err := a.one(ctx, caller, body.PromptID)
	again := dialect.Keyed(ctx) && bytes.Equal(earlier.Graph, text.Bytes())
	//guard:prompt-id TestPromptIDs => len(body.PromptID) > maxText
	if err == nil && !again || max(len(body.PromptID), len(body.ClientID)) > maxText {
		return refusal(http.StatusBadRequest, "invalid_prompt_id", "The prompt_id was used before, or an ID is too long.")
	}
	specs, memos, err := a.plans(ctx, caller, g)
	if err != nil {
		return err
	}
	memos[0].Graph, memos[0].Jobs = text.Bytes(), len(memos)
	for i := range specs {
		memos[i].Prompt, memos[i].Client = body.PromptID, body.ClientID
		note, _ := json.Marshal(memos[i]) // texts and numbers always marshal
		specs[i].ID, specs[i].Memo, specs[i].Part = jobID(caller, body.PromptID, i), string(note), i
		data, err := a.image(ctx, caller, specs[i].InputName)
		var submitted job.Submitted
		if err == nil {
			submitted, err = a.services.Queue.Submit(ctx, specs[i], data)
		}
		if submitted.Repeated {
			body.PromptID = memoOf(submitted.Job).Prompt
		}
		if err != nil {
			for _, earlier := range specs[:i] {
				a.services.Abandon(ctx, earlier.ID)
			}
			return err
		}
	}
	a.sockets.wake(caller)
	return dialect.JSON(c, http.StatusOK, map[string]any{"prompt_id": body.PromptID, "number": a.services.Now().UnixMilli(), "node_errors": struct{}{}})
}

// jobID returns the ID of a prompt's i-th job.
func jobID(caller job.Caller, prompt string, i int) string {
	return idOf(jobPrefix, caller, prompt, strconv.Itoa(i))
}

// plans returns the jobs of a graph, one for each chain of nodes, without IDs.
func (p prompts) plans(ctx context.Context, caller job.Caller, g *graph) (specs []job.Spec, memos []memo, err error) {
	if g.models, err = p.services.Upscalers(ctx); err != nil {
		return nil, nil, err
	}
	outputs, err := g.outputs()
	if err != nil {
		return nil, nil, err
	}
	places := map[string]int{} // of chains, by their last node
	for _, id := range outputs {
		chain := g.chain(id)
		if chain == nil {
			continue
		}
		last := chain[len(chain)-1]
		at, known := places[last]
		if !known {
			at = len(specs)
			spec, err := p.spec(ctx, caller, g, chain[0])
			if err != nil {
				return nil, nil, err
			}
			m := memo{Nodes: chain}
			spec.Options, m.Work = g.plan(chain, max(1, spec.Input.Width), max(1, spec.Input.Height))
			m.Class, places[last] = g.nodes[m.Work].Class, at
			specs, memos = append(specs, spec), append(memos, m)
		}
		if memos[at].Outputs = append(memos[at].Outputs, g.saves(id)); at >= maxJobs {
			g.wrong(id, "images", "a prompt can make at most 20 images")
			break
		}
	}
	return specs, memos, g.refuse()
}

// spec returns the job for the image of a LoadImage, which is its InputName.
func (p prompts) spec(ctx context.Context, caller job.Caller, g *graph, id string) (job.Spec, error) {
	const input = "image"
	name, _ := g.nodes[id].Inputs[input].(string)
	spec := job.Spec{API: Name, Account: caller.ID, Price: p.config.Price, InputName: name}
	data, err := p.image(ctx, caller, name)
	if err == nil {
		spec.Input, err = p.services.Inspect(ctx, data, p.config.Config)
	}
	switch fault.KindOf(err) {
	case fault.NotFound, fault.Invalid, fault.Unsupported, fault.TooLarge:
		g.wrong(id, input, "Invalid image file: "+dialect.DisplayName(name))
		err = nil
	}
	return spec, err
}

// saves returns where an output node saves its image.
func (g *graph) saves(id string) output {
	if g.nodes[id].Class == "PreviewImage" {
		return output{id, "temp", "ComfyUI_temp"}
	}
	prefix, given := g.nodes[id].Inputs["filename_prefix"].(string)
	if !given {
		prefix = "ComfyUI"
	}
	if len(prefix) > maxText || strings.ContainsAny(prefix, "\\:*?\"<>|\r\n") || strings.Contains("/"+prefix+"/", "/../") {
		g.wrong(id, "filename_prefix", "it cannot begin a file's name")
	}
	return output{id, "output", prefix}
}
