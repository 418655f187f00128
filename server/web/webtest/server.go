// Package webtest is a fake server for tests of the page: the real page, native API
// and file links on a queue in memory, whose worker resizes images slowly.
package webtest

import (
	"context"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"upscaled/engine/imagedata"
	"upscaled/server/dialect"
	"upscaled/server/dialect/dialecttest"
	"upscaled/server/dialect/native"
	"upscaled/server/docs"
	"upscaled/server/file"
	"upscaled/server/job"
	"upscaled/server/job/jobtest"
	"upscaled/server/web"
)

// Key is the API key of a server with Options.Keys.
const Key = "key-of-the-page-test"

// maxBytes is small, so that a test can exceed it.
const maxBytes = 8 << 20

// Options configure the fake server.
type Options struct {
	// Keys makes the server require Key. It takes no films then.
	Keys bool
	// Step is the time between two progress updates. A job has 2 to 20 of them, or
	// 2000 if its name begins with "slow".
	Step time.Duration
}

// New returns the server's handler. Its jobs end with the context.
func New(ctx context.Context, o Options) (http.Handler, error) {
	page, err := web.New()
	if err != nil {
		return nil, err
	}
	memory := &jobtest.Queue{}
	var auth job.Authenticator = operators{}
	if o.Keys {
		auth = dialecttest.Auth{Keys: map[string]job.Caller{Key: {ID: "page", Name: "Page", Credits: new(int64(42))}}}
	}
	q := &queue{Queue: memory, context: ctx, step: o.Step}
	signer := file.Signer{Secrets: [][]byte{[]byte(strings.Repeat("s", 32))}, Now: time.Now}
	host := dialect.Services{
		Queue: q, Auth: auth, Links: signer, WaitLimit: time.Minute, Now: time.Now,
		Validator: dialecttest.Validator{Limits: imagedata.Limits{Pixels: 100_000_000, Side: 60_000}},
		BaseURL:   func(r *http.Request) string { return "http://" + r.Host },
	}
	config := native.Defaults()
	config.MaxBytes, config.MaxPixels = maxBytes, 100_000_000
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	samples, err := docs.Samples()
	if err != nil {
		return nil, err
	}
	installed := newSystem(o.Step)
	parts := native.Parts{Jobs: memory, System: installed, Models: installed, Samples: samples}
	if !o.Keys {
		parts.Films, parts.Scratch = films{}, func() (*os.File, error) { return os.CreateTemp("", "webtest") }
	}
	native.New(host, config, parts).Routes(e)
	files := file.Handler{Queue: q, Signer: signer, WriteError: func(c echo.Context, _ string, _ bool) error {
		return c.NoContent(http.StatusNotFound)
	}}
	e.GET("/v1/files/:id", files.Serve)
	page.Routes(e)
	guide, err := docs.New()
	if err != nil {
		return nil, err
	}
	guide.Routes(e)
	return e, nil
}
