package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"upscaled/server"
	"upscaled/server/account"
	"upscaled/server/account/accounttest"
	"upscaled/server/job"
	"upscaled/server/job/jobtest"
)

// neighbours are two keys of one server, on a queue whose jobs stay queued.
type neighbours struct {
	handler       http.Handler
	routes        []*echo.Route
	queue         *jobtest.Queue
	owner, other  string
	ownerID       string
	ended, queued map[string]string // by the API's name
	file          string            // the ID of an upload
}

// moved makes neighbours where the owner has an ended and a queued job of
// every API, and an upload. Their accounts have the same name and balance.
func moved(t *testing.T) neighbours {
	t.Helper()
	ctx := context.Background()
	accounts := account.New(accounttest.NewMemory(), time.Now)
	n := neighbours{queue: &jobtest.Queue{}, ended: map[string]string{}, queued: map[string]string{}}
	for _, key := range []*string{&n.owner, &n.other} {
		made, a, err := accounts.Create(ctx, account.NewOptions{Name: "same", Credits: 1000})
		if err != nil {
			t.Fatal(err)
		}
		if *key = made; key == &n.owner {
			n.ownerID = a.ID
		}
	}
	config := server.Config{
		Listen: "127.0.0.1:0", PublicURL: "http://up.example", WaitLimit: time.Millisecond, Grace: time.Second,
		MaxPixels: 1_000_000, MaxSide: 1000, APIs: server.DefaultAPIs(),
	}
	s, err := server.New(ctx, config, server.Parts{
		Queue: n.queue, Auth: accounts, Secrets: [][]byte{bytes.Repeat([]byte{1}, 32)}, Decoders: 1,
		Log: slog.New(slog.DiscardHandler), Now: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	n.handler, n.routes = s.Handler(), s.Routes()
	for api, id := range map[string]string{
		"mnml": "abcdef", "ailab": "20231221_abcdef", "maskr": "0fb5a1c2-0000-8000-8000-00000000000", "artnex": "req_ups_abcdefghijk",
		"aetherforge": "0fb5a1c2-0000-4000-8000-00000000000", "native": "up_abcdefghijklmnopqrstuvw", "replicate": "abcdefghijklmnopqrstuvwxy",
		"automatic1111": "a1111_abcdef", "cog": "cog_abcdef", "comfyui": "comfy-0123456789abcdef0123456789abcde", "stability": "stability-abcdef", "openai": "openai-abcdef",
	} {
		for _, number := range []string{"1", "2"} {
			spec := job.Spec{ID: id + number, API: api, Account: n.ownerID, InputName: "secret.png"}
			if _, err := n.queue.Submit(ctx, spec, []byte("secret")); err != nil {
				t.Fatal(err)
			}
		}
		n.ended[api], n.queued[api] = id+"1", id+"2"
		n.queue.Finish(id+"1", jobtest.Outcome{Picture: []byte("secret"), Result: &job.Result{Format: "png", Bytes: 6}})
	}
	n.file = strings.Repeat("f", 48)
	if _, err := n.queue.PutUpload(ctx, job.Upload{ID: n.file, API: "replicate", Account: n.ownerID, Name: "secret.png"}, []byte("secret")); err != nil {
		t.Fatal(err)
	}
	return n
}

// ask returns status and body of a request with a key in every place that any
// API looks for one.
func (n neighbours) ask(method, path, key string, body io.Reader) (int, string) {
	// A stream of events ends with its client.
	ctx, stop := context.WithTimeout(context.Background(), patience)
	defer stop()
	r := httptest.NewRequestWithContext(ctx, method, path, body)
	r.Header.Set("X-Request-Id", "same")
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
		r.Header.Set("ailabapi-api-key", key)
	}
	w := httptest.NewRecorder()
	n.handler.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

// openRoutes reveal nothing, or are for anybody with a signed link.
func openRoutes() []string {
	return []string{
		"/", "/admin", "/service-worker.js", "/page/*", "/docs", "/docs/:page", "/docs/api", "/docs/api/*", "/openapi.json", "/healthz", "/readyz", "/health-check",
		"/api/v1/system", "/api/v1/*",
	}
}

// methods are those that any API has a meaning for; routes that refuse are
// registered for all there are.
func methods() []string {
	return []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}
}

var parameter = regexp.MustCompile(`:[a-z_]+|\*`)

// Every route of every API that there is, also one that is added later: the
// other key and no key get nothing of the owner's jobs and files, in path or
// query, and change nothing of them. The answers are those of IDs that nobody
// ever had.
func TestOneKeySeesNothingOfAnother(t *testing.T) {
	t.Parallel()
	n := moved(t)
	before := stateOf(t, n.queue)
	tried := 0
	for _, route := range n.routes {
		if slices.Contains(openRoutes(), route.Path) || !slices.Contains(methods(), route.Method) {
			continue
		}
		for _, id := range n.ids() {
			path := parameter.ReplaceAllString(route.Path, id)
			if path == route.Path {
				path += "?id=" + id + "&ids=" + id + "&task_id=" + id + "&job_id=" + id + "&filename=a_" + strings.TrimPrefix(id, "comfy-") + "_.png"
			}
			for who, key := range map[string]string{"another key": n.other, "no key": ""} {
				tried++
				status, body := n.ask(route.Method, path, key, strings.NewReader(""))
				if strings.Contains(body, "secret") || strings.Contains(body, n.ownerID) {
					t.Errorf("%s: %s %s: %d %s", who, route.Method, path, status, body)
				}
				if parameter.MatchString(route.Path) && status < 400 && body != "{}\n" { // ComfyUI's for what there is not
					t.Errorf("%s: %s %s is answered with %d", who, route.Method, path, status)
				}
				unknown := reversed(id)
				_, nothing := n.ask(route.Method, strings.ReplaceAll(path, id, unknown), key, strings.NewReader(""))
				if got := strings.ReplaceAll(body, id, unknown); plain(got) != plain(nothing) {
					t.Errorf("%s: %s %s tells that the ID is known:\n%s\n%s", who, route.Method, path, got, nothing)
				}
			}
		}
	}
	if tried < 500 {
		t.Errorf("only %d requests were tried", tried)
	}
	if after := stateOf(t, n.queue); after != before {
		t.Errorf("something was changed:\n%s\n%s", before, after)
	}
	if _, err := n.queue.Upload(context.Background(), n.file); err != nil {
		t.Errorf("the upload: %v", err)
	}
}

// ids are the owner's, of all jobs and files.
func (n neighbours) ids() []string {
	all := []string{n.file}
	for api := range n.ended {
		all = append(all, n.ended[api], n.queued[api])
	}
	slices.Sort(all)
	return all
}

// reversed is an ID of the same form that nobody has.
func reversed(id string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'b' && r <= 'f':
			return 'a' + 'f' - r
		case r >= '1' && r <= '2':
			return r + 4
		}
		return r
	}, id)
}

// moments are what differs between two answers of one kind.
var moments = regexp.MustCompile(`req_ups_[a-z0-9]+|"(timestamp|time)":"[^"]*"`)

func plain(body string) string { return moments.ReplaceAllString(body, "") }

func stateOf(t *testing.T, q *jobtest.Queue) string {
	t.Helper()
	jobs := q.Jobs()
	slices.SortFunc(jobs, func(a, b job.Job) int { return strings.Compare(a.ID, b.ID) })
	text, err := json.Marshal(jobs)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The owner does get what others do not: the test before tries the right IDs.
func TestOwnersSeeTheirOwn(t *testing.T) {
	t.Parallel()
	n := moved(t)
	for _, path := range []string{
		"/api/v1/jobs/" + n.ended["native"], "/api/v1/jobs/" + n.ended["native"] + "/result", "/api/v1/jobs",
		"/api/v1/events?ids=" + n.ended["native"], "/v1/predictions/" + n.ended["replicate"], "/v1/predictions", "/v1/files/" + n.file,
		"/v1/jobs/" + n.ended["maskr"], "/public/v1/job/" + n.ended["aetherforge"],
	} {
		if status, body := n.ask(http.MethodGet, path, n.owner, nil); status != http.StatusOK {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
}

// A deleted job answers its own key in every API as one that nobody ever had.
func TestDeletedEverywhere(t *testing.T) {
	t.Parallel()
	n := moved(t)
	tried := 0
	for api := range n.ended {
		for _, id := range []string{n.ended[api], n.queued[api]} {
			if err := n.queue.Delete(context.Background(), id); err != nil {
				t.Fatal(err)
			}
			for _, route := range n.routes {
				if slices.Contains(openRoutes(), route.Path) || route.Method != http.MethodGet {
					continue
				}
				path := parameter.ReplaceAllString(route.Path, id)
				if path == route.Path {
					path += "?id=" + id + "&ids=" + id + "&task_id=" + id + "&job_id=" + id + "&filename=a_" + strings.TrimPrefix(id, "comfy-") + "_.png"
				}
				tried++
				unknown := reversed(id)
				status, body := n.ask(route.Method, path, n.owner, nil)
				want, nothing := n.ask(route.Method, strings.ReplaceAll(path, id, unknown), n.owner, nil)
				if status != want || plain(strings.ReplaceAll(body, id, unknown)) != plain(nothing) {
					t.Errorf("%s: %d %s; of an unknown job %d %s", path, status, body, want, nothing)
				}
			}
		}
	}
	if tried < 300 {
		t.Errorf("only %d requests were tried", tried)
	}
}

// Another caller's image is no input either: an upload and a result are their
// owner's if their URL is used as an input.
func TestInputsOfAnother(t *testing.T) {
	t.Parallel()
	n := moved(t)
	for _, link := range []string{"http://up.example/v1/files/" + n.file, "http://up.example/v1/files/" + n.ended["replicate"]} {
		for who, key := range map[string]string{"owner": n.owner, "other": n.other} {
			body, err := json.Marshal(map[string]any{"version": "nightmareai/real-esrgan", "input": map[string]any{"image": link}})
			if err != nil {
				t.Fatal(err)
			}
			_, text := n.ask(http.MethodPost, "/v1/predictions", key, bytes.NewReader(body))
			if found := !strings.Contains(text, "does not exist") && !strings.Contains(text, "no output"); found != (who == "owner") {
				t.Errorf("%s of %s: %s", who, link, text)
			}
		}
	}
}

// Cursors of one key's listing are of no use to another.
func TestCursorsOfAnother(t *testing.T) {
	t.Parallel()
	n := moved(t)
	_, first := n.ask(http.MethodGet, "/api/v1/jobs?limit=1", n.owner, nil)
	var page struct{ Next string }
	if err := json.Unmarshal([]byte(first), &page); err != nil || page.Next == "" {
		t.Fatalf("%v: %s", err, first)
	}
	if _, body := n.ask(http.MethodGet, "/api/v1/jobs?before="+url.QueryEscape(page.Next), n.other, nil); strings.Contains(body, "secret") {
		t.Errorf("another key reads on: %s", body)
	}
}

// Names in paths are no way out of the routes, whatever they are written with.
func TestPathsLeadNowhere(t *testing.T) {
	t.Parallel()
	n := moved(t)
	for _, id := range []string{
		"..", "../jobs", "%2e%2e", "%2e%2e%2f%2e%2e%2fetc%2fpasswd", "..%5c..%5c", "%00", n.ended["native"] + "%00", n.ended["native"] + "%20",
		n.ended["native"] + "%0d%0aX-Injected:%201", n.ended["native"] + ";a=b", strings.ToUpper(n.ended["native"]), "%c0%ae%c0%ae", ">", "*",
		strings.Repeat("a", 10_000), "%e2%80%ae", "up_%2a", "$KV.jobs.%3e",
	} {
		for _, pattern := range []string{"/api/v1/jobs/ID", "/api/v1/jobs/ID/result", "/v1/predictions/ID", "/v1/files/ID", "/v1/jobs/ID", "/docs/ID", "/page/ID"} {
			for _, key := range []string{n.other, n.owner} {
				r := httptest.NewRequest(http.MethodGet, strings.ReplaceAll(pattern, "ID", id), nil)
				r.Header.Set("Authorization", "Bearer "+key)
				w := httptest.NewRecorder()
				n.handler.ServeHTTP(w, r)
				if w.Header().Get("X-Injected") != "" || w.Code >= 500 || w.Code < 400 && id != ".." && id != "../jobs" {
					t.Errorf("%s: %d %v", r.URL, w.Code, w.Header())
				}
			}
		}
	}
}
