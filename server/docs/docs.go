// Package docs is the manual: Markdown files, readable in the repository, and
// the same as pages below /docs of a running server.
package docs

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
)

//go:embed *.md
var texts embed.FS

//go:embed page.html
var frame string

//go:embed page.css
var stylesheet []byte

// root is where the manual is served; Index is its first page.
const (
	root  = "/docs"
	index = "README.md"
)

// policy lets pages load their stylesheet and the server's pictures only.
const policy = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Guide is the rendered manual; it is immutable and may be used concurrently.
type Guide struct {
	pages map[string][]byte // by the last part of their path, "" for the index
}

// New renders all pages. It fails only on a defect of the embedded files.
func New() (*Guide, error) {
	markdown := goldmark.New(goldmark.WithExtensions(extension.Table), goldmark.WithParserOptions(parser.WithAutoHeadingID()))
	page, err := template.New("page").Parse(frame)
	if err != nil {
		return nil, fmt.Errorf("read the manual's frame: %w", err)
	}
	entries, err := texts.ReadDir(".")
	if err != nil {
		return nil, fmt.Errorf("read the manual: %w", err)
	}
	g := &Guide{pages: map[string][]byte{}}
	for _, e := range entries {
		text, err := texts.ReadFile(e.Name())
		if err != nil {
			return nil, fmt.Errorf("read the manual: %w", err)
		}
		var body, whole bytes.Buffer
		if err := markdown.Convert(linked(text), &body); err != nil {
			return nil, fmt.Errorf("render %s: %w", e.Name(), err)
		}
		// The manual is this program's own text, so that its HTML is trusted.
		if err := page.Execute(&whole, map[string]any{"Title": title(text), "Body": template.HTML(body.String())}); err != nil {
			return nil, fmt.Errorf("render %s: %w", e.Name(), err)
		}
		g.pages[pathOf(e.Name())] = whole.Bytes()
	}
	return g, nil
}

// pathOf is a file's place below root: "deploy.md" is at /docs/deploy.
func pathOf(name string) string {
	if name == index {
		return ""
	}
	return strings.TrimSuffix(name, ".md")
}

// linked turns links between files, as the repository has them, into links
// between pages.
func linked(text []byte) []byte {
	text = bytes.ReplaceAll(text, []byte("]("+index+")"), []byte("]("+root+")"))
	entries, _ := texts.ReadDir(".")
	for _, e := range entries {
		text = bytes.ReplaceAll(text, []byte("]("+e.Name()), []byte("]("+root+"/"+pathOf(e.Name())))
	}
	return text
}

// title is the first heading's text.
func title(text []byte) string {
	line, _, _ := strings.Cut(string(text), "\n")
	return strings.TrimSpace(strings.TrimLeft(line, "# "))
}

// Names lists the pages' places below /docs, for tests of links.
func (g *Guide) Names() []string {
	var all []string
	for name := range g.pages {
		all = append(all, name)
	}
	return all
}

// Routes registers the manual; it needs no key, as it tells nothing of this
// server.
func (g *Guide) Routes(e *echo.Echo) {
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		e.Add(method, root, func(c echo.Context) error { return serve(c, "text/html; charset=utf-8", g.pages[""]) })
		e.Add(method, root+"/style.css", func(c echo.Context) error { return serve(c, "text/css; charset=utf-8", stylesheet) })
		e.Add(method, root+"/:page", func(c echo.Context) error {
			page, found := g.pages[c.Param("page")]
			if !found {
				return echo.ErrNotFound
			}
			return serve(c, "text/html; charset=utf-8", page)
		})
	}
}

func serve(c echo.Context, kind string, contents []byte) error {
	sum := sha256.Sum256(contents)
	header := c.Response().Header()
	header.Set(echo.HeaderContentType, kind)
	header.Set(echo.HeaderContentSecurityPolicy, policy)
	header.Set(echo.HeaderReferrerPolicy, "no-referrer")
	header.Set(echo.HeaderCacheControl, "no-cache")
	header.Set("ETag", `"`+hex.EncodeToString(sum[:8])+`"`)
	http.ServeContent(c.Response(), c.Request(), "", time.Time{}, bytes.NewReader(contents))
	return nil
}
