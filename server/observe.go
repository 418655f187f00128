package server

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"upscaled/server/job"
	"upscaled/server/limits"
)

// Observer observes requests and the jobs they submit, for metrics and traces. Its
// methods may be called concurrently.
type Observer interface {
	// RequestBegins returns the context to handle the request in, and a function
	// that is called once at its end. id is its X-Request-Id.
	RequestBegins(r *http.Request, id string) (context.Context, func(RequestEnd))
	// JobSubmits returns the context to submit a job in, and a function that is
	// called once with the outcome. It may set the job's Trace and nothing else.
	JobSubmits(ctx context.Context, spec *job.Spec) (context.Context, func(job.Submitted, error))
}

// RequestEnd describes a finished request.
type RequestEnd struct {
	// API is the dialect's name, or one of "files", "health", "pages" and
	// "other", so that there are few values whatever clients send.
	API string
	// Route is the pattern that matched, such as "/v1/files/:id"; "" for none.
	Route string
	// Status is the HTTP status; 499 if the client disconnected first.
	Status int
	Took   time.Duration
	// Jobs are the IDs of the jobs that the request submitted.
	Jobs []string
}

// statusClientLeft is nginx's status of requests whose client disconnected.
const statusClientLeft = 499

// requestInfo collects facts about a request. It travels in the request's context,
// so that no dialect need pass it on.
type requestInfo struct {
	mutex   sync.Mutex
	account string
	client  string // its address
	jobs    []string
}

type requestInfoKey struct{}

// requestInfoOf returns the requestInfo of a context; nil outside of requests.
func requestInfoOf(ctx context.Context) *requestInfo {
	info, _ := ctx.Value(requestInfoKey{}).(*requestInfo)
	return info
}

func (i *requestInfo) update(change func(*requestInfo)) {
	if i != nil {
		i.mutex.Lock()
		defer i.mutex.Unlock()
		change(i)
	}
}

// caller returns whose turn a request takes: its account's, else its client's.
func (i *requestInfo) caller() (name string) {
	i.update(func(i *requestInfo) { name = cmp.Or(i.account, i.client) })
	return name
}

// snapshot returns the current contents.
func (i *requestInfo) snapshot() (account string, jobs []string) {
	i.update(func(i *requestInfo) { account, jobs = i.account, slices.Clone(i.jobs) })
	return account, jobs
}

// observe calls the observers and adds a requestInfo to every request. It must run
// before the access log, which writes errors.
func observe(observers []Observer) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			started, info := time.Now(), &requestInfo{client: c.RealIP()}
			c.SetRequest(c.Request().WithContext(context.WithValue(c.Request().Context(), requestInfoKey{}, info)))
			for _, o := range observers {
				ctx, end := o.RequestBegins(c.Request(), c.Response().Header().Get(echo.HeaderXRequestID))
				c.SetRequest(c.Request().WithContext(ctx))
				defer func() {
					_, jobs := info.snapshot()
					end(RequestEnd{API: apiOf(c), Route: c.Path(), Status: c.Response().Status, Took: time.Since(started), Jobs: jobs})
				}()
			}
			return next(c)
		}
	}
}

// observedQueue reports submissions to the observers and the access log.
type observedQueue struct {
	Queue
	observers []Observer
}

// Submit implements job.Queue.
func (q observedQueue) Submit(ctx context.Context, spec job.Spec, input []byte) (submitted job.Submitted, err error) {
	for _, o := range q.observers {
		var end func(job.Submitted, error)
		ctx, end = o.JobSubmits(ctx, &spec)
		defer func() { end(submitted, err) }()
	}
	submitted, err = q.Queue.Submit(ctx, spec, input)
	if err == nil {
		limits.Accepted(ctx, len(input))
		requestInfoOf(ctx).update(func(i *requestInfo) { i.jobs = append(i.jobs, submitted.Job.ID) })
	}
	return submitted, err
}

// observedAuth reports the caller to the access log. While there are no keys,
// everybody is an operator, unless other machines can reach the server.
type observedAuth struct {
	job.Authenticator
	exposed bool
}

// Authenticate implements job.Authenticator.
func (g observedAuth) Authenticate(ctx context.Context, key string) (job.Caller, error) {
	caller, err := g.Authenticator.Authenticate(ctx, key)
	//guard:open-operator TestOperatorOnly => true
	if caller.ID == "" && !g.exposed {
		caller.Operator = true
	}
	requestInfoOf(ctx).update(func(i *requestInfo) { i.account = caller.ID })
	return caller, err
}

// apiKey is the context key of the API's name.
const apiKey = "upscaled.api"

// apiNames maps every route to its API.
type apiNames struct {
	// current is the API whose routes are being registered.
	current string
	byPath  map[string]string
}

// add is called for every route that is registered.
func (n *apiNames) add(route echo.Route) { n.byPath[route.Path] = n.current }

// middleware sets the API of each request's route; handlers may override it.
func (n *apiNames) middleware(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		name, known := n.byPath[c.Path()]
		if !known {
			name = "other"
		}
		c.Set(apiKey, name)
		return next(c)
	}
}

func apiOf(c echo.Context) string {
	name, _ := c.Get(apiKey).(string)
	return name
}
