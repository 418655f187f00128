package server

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"upscaled/server/dialect"
	"upscaled/server/job"
	"upscaled/server/limits"
)

// Observer is told of requests and of the jobs that they submit, such as for
// metrics and traces. Its methods may be called concurrently.
type Observer interface {
	// RequestBegins gives the context to answer the request in, and what is
	// called once when it was answered. id is its X-Request-Id.
	RequestBegins(r *http.Request, id string) (context.Context, func(RequestEnd))
	// JobSubmits gives the context to submit a job in, and what is called once
	// with what came of it. It may set the job's Trace and nothing else.
	JobSubmits(ctx context.Context, spec *job.Spec) (context.Context, func(job.Submitted, error))
}

// RequestEnd is how a request was answered.
type RequestEnd struct {
	// API is the dialect's name, or one of "files", "health", "pages" and
	// "other", so that there are few of them whatever clients send.
	API string
	// Route is the pattern that matched, such as "/v1/files/:id"; "" for none.
	Route string
	// Status is that of HTTP; 499 where the client went away before an answer.
	Status int
	Took   time.Duration
	// Jobs are the IDs of those that the request made.
	Jobs []string
}

// statusClientLeft is nginx's number for requests that nobody waits for.
const statusClientLeft = 499

// requestInfo is what is learned of a request on its way. It is reached by the
// request's context, so that no dialect need pass it on.
type requestInfo struct {
	mutex   sync.Mutex
	account string
	jobs    []string
}

type requestInfoKey struct{}

// requestInfoOf gives the visit of a context; nil outside of requests.
func requestInfoOf(ctx context.Context) *requestInfo {
	v, _ := ctx.Value(requestInfoKey{}).(*requestInfo)
	return v
}

func (v *requestInfo) note(change func(*requestInfo)) {
	if v != nil {
		v.mutex.Lock()
		defer v.mutex.Unlock()
		change(v)
	}
}

// seen gives what is known now.
func (v *requestInfo) seen() (account string, jobs []string) {
	v.note(func(v *requestInfo) { account, jobs = v.account, slices.Clone(v.jobs) })
	return account, jobs
}

// observe lets observers see requests, and every request have a visit. It
// stands before the access log, which makes errors answers.
func observe(observers []Observer) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			started, v := time.Now(), &requestInfo{}
			c.SetRequest(c.Request().WithContext(context.WithValue(c.Request().Context(), requestInfoKey{}, v)))
			for _, o := range observers {
				ctx, end := o.RequestBegins(c.Request(), c.Response().Header().Get(echo.HeaderXRequestID))
				c.SetRequest(c.Request().WithContext(ctx))
				defer func() {
					_, jobs := v.seen()
					end(RequestEnd{API: apiOf(c), Route: c.Path(), Status: statusOf(c), Took: time.Since(started), Jobs: jobs})
				}()
			}
			return next(c)
		}
	}
}

func statusOf(c echo.Context) int {
	if !c.Response().Committed && dialect.Canceled(c) {
		return statusClientLeft
	}
	return c.Response().Status
}

// observedQueue tells observers and the access log of submissions.
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
		requestInfoOf(ctx).note(func(v *requestInfo) { v.jobs = append(v.jobs, spec.ID) })
	}
	return submitted, err
}

// observedAuth tells the access log who called.
type observedAuth struct{ job.Authenticator }

// Authenticate implements job.Gate.
func (g observedAuth) Authenticate(ctx context.Context, key string) (job.Caller, error) {
	caller, err := g.Authenticator.Authenticate(ctx, key)
	requestInfoOf(ctx).note(func(v *requestInfo) { v.account = caller.ID })
	return caller, err
}

// apiKey is where the API's name is left that only the handler knows.
const apiKey = "upscaled.api"

// apiNames knows which API every route is of.
type apiNames struct {
	// current is the API whose routes are being registered.
	current string
	byPath  map[string]string
}

// note is called with every route that is added.
func (n *apiNames) note(_ string, route echo.Route, _ echo.HandlerFunc, _ []echo.MiddlewareFunc) {
	n.byPath[route.Path] = n.current
}

// middleware names the API of each request's route; handlers may do so after
// it.
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
