// Package docs is the guide: Markdown files that read well in the repository
// and that a running server renders below /docs, with a sidebar and a search.
package docs

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"

	"github.com/labstack/echo/v4"

	"upscaled/server/web"
)

//go:embed *.md page.html page.css search.js images/*.jpg samples/*.png
var files embed.FS

// root is the path of the guide, index the file that is its first page and
// lists all others.
const (
	root  = "/docs"
	index = "README.md"
)

// policy allows this server's own styles, scripts and images only.
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// Guide is the rendered guide. It is immutable and safe for concurrent use.
type Guide struct {
	layout *template.Template
	pages  []*page
	groups []group
	search searchIndex
	assets map[string]web.Asset // by path below root; the index is ""
}

// renamed maps former page names to current ones.
func renamed() map[string]string {
	return map[string]string{"pictures": "images", "processor": "cpu"}
}

// New renders all pages. An error means that an embedded file is broken.
func New() (*Guide, error) {
	layout, err := template.ParseFS(files, "page.html")
	if err != nil {
		return nil, fmt.Errorf("parse the guide's layout: %w", err)
	}
	pages, groups, err := readPages()
	if err != nil {
		return nil, err
	}
	g := &Guide{layout: layout, pages: pages, groups: groups, search: newSearchIndex(pages), assets: map[string]web.Asset{}}
	for i, p := range pages {
		v := view{page: p}
		if i > 0 {
			v.Previous = pages[i-1]
		}
		if i+1 < len(pages) {
			v.Next = pages[i+1]
		}
		if g.assets[p.Name], err = g.render(v); err != nil {
			return nil, err
		}
	}
	return g, g.addFiles()
}

// addFiles adds the static files. Colors, icon and the switch between light and
// dark are those of the web page.
func (g *Guide) addFiles() error {
	type source struct {
		read func(string) ([]byte, error)
		file string
	}
	sources := map[string]source{
		"style.css":  {files.ReadFile, "page.css"},
		"search.js":  {files.ReadFile, "search.js"},
		"colors.css": {web.File, "style/colors.css"},
		"dark.css":   {web.File, "style/dark.css"},
		"theme.js":   {web.File, "theme.js"},
		"icon.svg":   {web.File, "icon.svg"},
	}
	images, err := files.ReadDir("images")
	if err != nil {
		return fmt.Errorf("list the guide's images: %w", err)
	}
	for _, image := range images {
		sources[image.Name()] = source{files.ReadFile, "images/" + image.Name()}
	}
	for name, source := range sources {
		body, err := source.read(source.file)
		if err != nil {
			return fmt.Errorf("read the guide's %s: %w", name, err)
		}
		if g.assets[name], err = web.NewAsset(name, body); err != nil {
			return err
		}
	}
	return nil
}

// view is the data of page.html.
type view struct {
	*page
	Previous, Next *page
	Groups         []group
	Query          string
	Results        bool // the page is that of a search
}

func (g *Guide) render(v view) (web.Asset, error) {
	v.Groups = g.groups
	var html bytes.Buffer
	if err := g.layout.ExecuteTemplate(&html, "page.html", v); err != nil {
		return web.Asset{}, fmt.Errorf("render %s: %w", v.Name, err)
	}
	return web.NewAsset("page.html", html.Bytes())
}

// Names returns the names of all pages below /docs; the index is "".
func (g *Guide) Names() []string {
	var names []string
	for _, p := range g.pages {
		names = append(names, p.Name)
	}
	return names
}

// Routes registers the guide. It is open to everyone: it contains nothing
// about this server.
func (g *Guide) Routes(e *echo.Echo) {
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		e.Add(method, root, g.serve)
		e.Add(method, root+"/:page", g.serve)
	}
}

func (g *Guide) serve(c echo.Context) error {
	name := c.Param("page")
	if name == "search" {
		return g.serveSearch(c)
	}
	if to, moved := renamed()[name]; moved {
		return c.Redirect(http.StatusMovedPermanently, to) // relative, as all links
	}
	asset, found := g.assets[name]
	if !found {
		return echo.ErrNotFound
	}
	return asset.Serve(c, policy)
}
