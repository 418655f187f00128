package comfyui

import (
	"context"
	"encoding/json"
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

// entry is a prompt with its jobs; fewer than Jobs while it is being accepted.
type entry struct {
	memo
	jobs []job.Job
}

func memoOf(j job.Job) (m memo) {
	_ = json.Unmarshal([]byte(j.Memo), &m)
	return m
}

// one returns a caller's prompt.
func (p prompts) one(ctx context.Context, caller job.Caller, prompt string) (entry, error) {
	first, err := p.services.Owned(ctx, Name, caller, jobID(caller, prompt, 0))
	e := entry{memoOf(first), []job.Job{first}}
	for i := 1; i < e.Jobs && err == nil; i++ {
		next, failed := p.services.Owned(ctx, Name, caller, jobID(caller, prompt, i))
		if fault.KindOf(failed) == fault.NotFound {
			break
		}
		e.jobs, err = append(e.jobs, next), failed
	}
	return e, err
}

// all returns a caller's newest prompts, oldest first, at least all that have not
// ended and those of the newest job.LongestPage jobs.
func (p prompts) all(ctx context.Context, caller job.Caller) (entries []entry, err error) {
	page := job.Page{API: Name, Account: caller.ID, Limit: job.LongestPage}
	for more := true; more; {
		var jobs []job.Job
		jobs, page.Before, err = p.stores.Lister.List(ctx, page)
		more = false
		for _, j := range jobs {
			m := memoOf(j)
			more = more || page.Before != "" && !j.State.Final()
			if e := (entry{m, []job.Job{j}}); m.Jobs > 0 && err == nil {
				if m.Jobs > 1 {
					e, err = p.one(ctx, caller, m.Prompt)
				}
				entries = append(entries, e)
			}
		}
		if err != nil {
			return nil, err
		}
	}
	slices.Reverse(entries)
	return entries, nil
}

// state returns the state of all jobs together. One that failed or was canceled ends
// its prompt.
func (e entry) state() job.State {
	state := job.Succeeded
	if len(e.jobs) < e.Jobs {
		state = job.Queued
	}
	for _, j := range e.jobs {
		if j.State == job.Failed || j.State == job.Canceled {
			return j.State
		}
		if !j.State.Final() {
			state = job.Queued
		}
	}
	if state == job.Queued && e.begun() {
		return job.Running
	}
	return state
}

// begun reports whether any job has started.
func (e entry) begun() bool {
	return slices.ContainsFunc(e.jobs, func(j job.Job) bool { return !j.Started.IsZero() })
}

// item returns the vendor's list for a prompt in the queue.
func (e entry) item() []any {
	outputs := []string{}
	for _, j := range e.jobs {
		for _, o := range memoOf(j).Outputs {
			outputs = append(outputs, o.Node)
		}
	}
	return []any{e.jobs[0].Created.UnixMilli(), e.Prompt, e.Graph, map[string]string{"client_id": e.Client}, outputs}
}

// message is an event's type and data.
type message [2]any

// begin returns the messages before the first node runs.
func (e entry) begin(j job.Job) []message {
	return []message{
		{"execution_start", map[string]any{"prompt_id": e.Prompt, "timestamp": j.Started.UnixMilli()}},
		{"execution_cached", map[string]any{"prompt_id": e.Prompt, "timestamp": j.Started.UnixMilli(), "nodes": []string{}}},
	}
}

// end returns the last message of a prompt that has ended, about the first job that
// did not succeed.
func (e entry) end() message {
	last := e.jobs[len(e.jobs)-1]
	if at := slices.IndexFunc(e.jobs, func(j job.Job) bool { return j.State != job.Succeeded }); at >= 0 {
		last = e.jobs[at]
	}
	data := map[string]any{"prompt_id": e.Prompt, "timestamp": last.Finished.UnixMilli()}
	if last.State == job.Succeeded {
		return message{"execution_success", data}
	}
	m := memoOf(last)
	data["node_id"], data["node_type"], data["executed"] = m.Work, m.Class, []string{}
	if last.State == job.Canceled {
		return message{"execution_interrupted", data}
	}
	data["exception_message"], data["exception_type"] = dialect.FailureText(last.Failure), "RuntimeError"
	data["traceback"], data["current_inputs"], data["current_outputs"] = []string{}, struct{}{}, []string{}
	return message{"execution_error", data}
}

// images returns the vendor's object for the image of a succeeded job.
func images(j job.Job, o output) map[string]any {
	folder, name := path.Split(strings.Trim(path.Join("/", o.Prefix), "/"))
	if name == "" {
		name = "ComfyUI"
	}
	return map[string]any{"images": []map[string]string{{
		"filename": name + "_" + strings.TrimPrefix(j.ID, jobPrefix) + "_.png", "subfolder": strings.Trim(folder, "/"), "type": o.Folder,
	}}}
}

// record returns the vendor's object for a prompt that has ended.
func (e entry) record() map[string]any {
	status := map[string]any{"status_str": "error", "completed": false, "messages": append(e.begin(e.jobs[0]), e.end())}
	if e.state() == job.Succeeded {
		status["status_str"], status["completed"] = "success", true
	}
	outputs := map[string]any{}
	for _, j := range e.jobs {
		for _, o := range memoOf(j).Outputs {
			if j.State == job.Succeeded {
				outputs[o.Node] = images(j, o)
			}
		}
	}
	return map[string]any{"prompt": e.item(), "outputs": outputs, "status": status}
}

// history handles GET history: the prompts that have ended, or one. Those that were
// canceled before they began are not among them, as with the vendor.
func (p prompts) history(c echo.Context, caller job.Caller) (err error) {
	entries := make([]entry, 1)
	if id := c.Param("id"); id != "" {
		entries[0], err = p.one(c.Request().Context(), caller, id)
	} else {
		entries, err = p.all(c.Request().Context(), caller)
	}
	if fault.KindOf(err) == fault.NotFound {
		entries, err = nil, nil
	} else if err != nil {
		return err
	}
	records := map[string]any{}
	most, unlimited := strconv.Atoi(c.QueryParam("max_items"))
	for _, e := range slices.Backward(entries) {
		if e.state().Final() && e.begun() && (unlimited != nil || len(records) < most) {
			records[e.Prompt] = e.record()
		}
	}
	return dialect.JSON(c, http.StatusOK, records)
}

// listed returns a handler that answers with a view of the caller's prompts.
func (p prompts) listed(view func([]entry) any) dialect.Handler {
	return func(c echo.Context, caller job.Caller) error {
		entries, err := p.all(c.Request().Context(), caller)
		if err != nil {
			return err
		}
		return dialect.JSON(c, http.StatusOK, view(entries))
	}
}

// queueOf returns the vendor's object for the prompts that have not ended.
func queueOf(entries []entry) any {
	items := map[job.State][]any{job.Running: {}, job.Queued: {}}
	for _, e := range entries {
		items[e.state()] = append(items[e.state()], e.item())
	}
	return map[string]any{"queue_running": items[job.Running], "queue_pending": items[job.Queued]}
}

// statusOf returns the vendor's object for the length of the queue.
func statusOf(entries []entry) any {
	remaining := 0
	for _, e := range entries {
		if !e.state().Final() {
			remaining++
		}
	}
	return map[string]any{"exec_info": map[string]int{"queue_remaining": remaining}}
}

// cancel returns a handler that cancels the caller's prompts of a state: POST queue
// those that wait, as the body says, and POST interrupt those that run, or the one
// that the body names.
func (p prompts) cancel(state job.State) dialect.Handler {
	return func(c echo.Context, caller job.Caller) error {
		var body struct {
			Clear    bool     `json:"clear"`
			Delete   []string `json:"delete"`
			PromptID string   `json:"prompt_id"`
		}
		if err := read(c, &body); err != nil {
			return err
		}
		entries, err := p.all(c.Request().Context(), caller)
		for _, e := range entries {
			chosen := body.Clear || slices.Contains(body.Delete, e.Prompt)
			if state == job.Running {
				chosen = body.PromptID == "" || body.PromptID == e.Prompt
			}
			for _, j := range e.jobs {
				if err == nil && chosen && e.state() == state {
					err = p.services.Queue.Cancel(c.Request().Context(), j.ID)
				}
			}
		}
		if err != nil {
			return err
		}
		return c.NoContent(http.StatusOK)
	}
}
