package comfyui

import (
	"cmp"
	"context"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"upscaled/models/fault"
	"upscaled/server/dialect"
	"upscaled/server/job"
)

// prompt is an accepted graph with the jobs of its chains.
type prompt struct {
	memo
	*graph
	jobs []job.Job
	sent int // of its events, on a WebSocket
}

// one returns a caller's prompt. known are jobs that need not be read.
func (a *API) one(ctx context.Context, caller job.Caller, id string, known map[string]job.Job) (p prompt, err error) {
	get := func(i int) (job.Job, error) {
		if j, is := known[jobID(caller, id, i)]; is {
			return j, nil
		}
		return a.services.Owned(ctx, Name, caller, jobID(caller, id, i))
	}
	last, err := get(0)
	p.memo = dialect.DecodeMemo[memo](last.Memo)
	p.graph = parse(p.Graph, a.classes, nil, func(string) (job.InputInfo, error) { return job.InputInfo{}, nil })
	for i := len(p.chains) - 1; i >= 0 && err == nil; i-- {
		j, failed := get(i)
		if fault.KindOf(failed) == fault.NotFound { // expired or deleted
			last.ID, last.State = jobID(caller, id, i), job.Succeeded
			j, failed = last, nil
		}
		p.jobs, err = append(p.jobs, j), failed
	}
	return p, err
}

// all returns a caller's prompts in dialect.Recent, oldest first.
func (a *API) all(ctx context.Context, caller job.Caller) (prompts []prompt, err error) {
	recent, err := dialect.Recent(ctx, a.lister, Name, caller)
	known := map[string]job.Job{}
	for _, j := range recent {
		known[j.ID] = j
	}
	for _, j := range slices.Backward(recent) {
		if m := dialect.DecodeMemo[memo](j.Memo); m.Graph != nil && err == nil {
			p, failed := a.one(ctx, caller, m.Prompt, known)
			if fault.KindOf(failed) != fault.NotFound { // one of an earlier version has other IDs
				prompts, err = append(prompts, p), failed
			}
		}
	}
	return prompts, err
}

// state returns the state of all jobs together. One that failed or was canceled ends
// its prompt.
func (p prompt) state() job.State {
	succeeded, state := 0, job.Queued
	for _, j := range p.jobs {
		switch {
		case j.State == job.Failed || j.State == job.Canceled:
			return j.State
		case j.State == job.Succeeded:
			succeeded++
		}
		if !j.Started.IsZero() {
			state = job.Running
		}
	}
	if succeeded == len(p.chains) {
		return job.Succeeded
	}
	return state
}

// item returns the vendor's list for a prompt in the queue.
func (p prompt) item() []any {
	outputs := []string{}
	for _, c := range p.chains {
		outputs = append(outputs, c.outputs...)
	}
	return []any{p.jobs[0].Created.UnixMilli(), p.Prompt, p.Graph, map[string]string{"client_id": p.Client}, outputs}
}

// event is the vendor's message about a prompt.
type event struct {
	Type string         `json:"type"`
	Data map[string]any `json:"data"`
}

// events returns the events so far; none before a job has begun, or failed because it
// waited too long. Jobs are reported one after the other, whatever order they run in,
// so that the list only grows until its prompt has ended.
func (p prompt) events() (all []event) {
	begun := slices.IndexFunc(p.jobs, func(j job.Job) bool { return !j.Started.IsZero() || j.State == job.Failed })
	if begun < 0 {
		return nil
	}
	start := cmp.Or(p.jobs[begun].Started, p.jobs[begun].Finished).UnixMilli()
	say := func(kind string, data map[string]any) {
		data["prompt_id"] = p.Prompt
		all = append(all, event{kind, data})
	}
	say("execution_start", map[string]any{"timestamp": start})
	say("execution_cached", map[string]any{"timestamp": start, "nodes": []string{}})
	for i, j := range p.jobs {
		c := p.chains[i]
		if !j.Started.IsZero() {
			for _, node := range c.nodes {
				say("executing", map[string]any{"node": node, "display_node": node})
			}
			say("progress", map[string]any{"node": c.work, "value": int(100 * min(j.Progress, 1)), "max": 100})
		}
		for _, node := range c.outputs {
			if j.State == job.Succeeded {
				say("executing", map[string]any{"node": node, "display_node": node})
				say("executed", map[string]any{"node": node, "display_node": node, "output": p.saved(j, node)})
			}
		}
		if !j.State.Final() {
			break
		}
	}
	if state := p.state(); state.Final() {
		say(p.end(state))
		say("executing", map[string]any{"node": nil})
	}
	return all
}

// end returns the last event of a prompt, about the first job that did not succeed.
func (p prompt) end(state job.State) (kind string, data map[string]any) {
	at := slices.IndexFunc(p.jobs, func(j job.Job) bool { return j.State == state })
	last, work := p.jobs[at], p.chains[at].work
	if data = map[string]any{"timestamp": last.Finished.UnixMilli()}; state == job.Succeeded {
		return "execution_success", data
	}
	data["node_id"], data["node_type"], data["executed"] = work, p.nodes[work].Class, []string{}
	if state == job.Canceled {
		return "execution_interrupted", data
	}
	data["exception_message"], data["exception_type"] = dialect.FailureText(last.Failure), "RuntimeError"
	data["traceback"], data["current_inputs"], data["current_outputs"] = []string{}, struct{}{}, []string{}
	return "execution_error", data
}

// saved returns the vendor's object for the image of a job that an output node saves.
func (g *graph) saved(j job.Job, output string) map[string]any {
	kind, prefix := g.saves(output)
	folder, name := path.Split(path.Join("/", prefix))
	return map[string]any{"images": []map[string]string{{
		"filename": cmp.Or(name, "ComfyUI") + "_" + strings.TrimPrefix(j.ID, jobPrefix) + "_.png", "subfolder": strings.Trim(folder, "/"), "type": kind,
	}}}
}

// record returns the vendor's object for a prompt that has ended.
func (p prompt) record() map[string]any {
	outputs, messages := map[string]any{}, [][]any{}
	for _, e := range p.events() {
		if e.Type == "executed" {
			outputs[e.Data["node"].(string)] = e.Data["output"]
		} else if strings.HasPrefix(e.Type, "execution_") {
			messages = append(messages, []any{e.Type, e.Data})
		}
	}
	status := map[string]any{"status_str": "error", "completed": false, "messages": messages}
	if p.state() == job.Succeeded {
		status["status_str"], status["completed"] = "success", true
	}
	return map[string]any{"prompt": p.item(), "outputs": outputs, "status": status}
}

// history handles GET history: the prompts that have ended, or one. Those that were
// canceled before they began are not among them, as with the vendor.
func (a *API) history(c echo.Context, caller job.Caller) (err error) {
	prompts := make([]prompt, 1)
	if id := c.Param("id"); id != "" {
		prompts[0], err = a.one(c.Request().Context(), caller, id, nil)
	} else {
		prompts, err = a.all(c.Request().Context(), caller)
	}
	if fault.KindOf(err) == fault.NotFound {
		prompts, err = nil, nil
	}
	records := map[string]any{}
	most, unlimited := strconv.Atoi(c.QueryParam("max_items"))
	for _, p := range slices.Backward(prompts) {
		if err == nil && p.state().Final() && p.events() != nil && (unlimited != nil || len(records) < most) {
			records[p.Prompt] = p.record()
		}
	}
	return dialect.Reply(c, http.StatusOK, records, err)
}

// listed returns a handler that answers with a view of the caller's prompts.
func (a *API) listed(view func([]prompt) any) dialect.Handler {
	return func(c echo.Context, caller job.Caller) error {
		prompts, err := a.all(c.Request().Context(), caller)
		return dialect.Reply(c, http.StatusOK, view(prompts), err)
	}
}

// queueOf returns the vendor's object for the prompts that have not ended.
func queueOf(prompts []prompt) any {
	items := map[job.State][]any{job.Running: {}, job.Queued: {}}
	for _, p := range prompts {
		items[p.state()] = append(items[p.state()], p.item())
	}
	return map[string]any{"queue_running": items[job.Running], "queue_pending": items[job.Queued]}
}

// statusOf returns the vendor's object for the length of the queue.
func statusOf(prompts []prompt) any {
	left := slices.DeleteFunc(slices.Clone(prompts), func(p prompt) bool { return p.state().Final() })
	return map[string]any{"exec_info": map[string]int{"queue_remaining": len(left)}}
}

// cancel returns a handler that cancels the caller's prompts of a state: POST queue
// those that wait, as the body says, and POST interrupt those that run, or the one
// that the body names.
func (a *API) cancel(state job.State) dialect.Handler {
	return func(c echo.Context, caller job.Caller) error {
		var body struct {
			Clear    bool     `json:"clear"`
			Delete   []string `json:"delete"`
			PromptID string   `json:"prompt_id"`
		}
		if err := read(c, &body); err != nil {
			return err
		}
		prompts, err := a.all(c.Request().Context(), caller)
		for _, p := range prompts {
			chosen := body.Clear || slices.Contains(body.Delete, p.Prompt)
			if state == job.Running {
				chosen = body.PromptID == "" || body.PromptID == p.Prompt
			}
			if err == nil && chosen && p.state() == state {
				err = a.services.CancelAll(c.Request().Context(), p.jobs)
			}
		}
		if err != nil {
			return err
		}
		return c.NoContent(http.StatusOK)
	}
}
