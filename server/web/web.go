package web

import (
	"embed"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"slices"

	"github.com/labstack/echo/v4"
)

//go:embed page
var embedded embed.FS

const (
	folder = "page"
	index  = "index.html"
	admin  = "admin.html"
	worker = "service-worker.js"
	// prefix is the path of the other files. The pages refer to them by relative
	// URLs, so that they also work below a path of a reverse proxy.
	prefix = "/page/"
)

// policy allows this server only. blob: and data: are for images and films that the
// user chose or that were fetched with a key.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; " +
	"connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types upscaled"

// File returns one of the page's files, such as "theme.js". The guide shares
// the colors and the switch between light and dark.
func File(name string) ([]byte, error) {
	return embedded.ReadFile(path.Join(folder, name))
}

// Page is the set of files. It is immutable and safe for concurrent use.
type Page struct {
	assets map[string]Asset // by path below folder
}

// New reads the embedded files. An error means that the program was built with a
// file of an unknown type.
func New() (*Page, error) {
	p := &Page{assets: map[string]Asset{}}
	err := fs.WalkDir(embedded, folder, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := embedded.ReadFile(name)
		if err != nil {
			return fmt.Errorf("read %s: %w", name, err)
		}
		made, err := NewAsset(name, content)
		p.assets[name[len(folder)+1:]] = made
		return err
	})
	for _, name := range []string{languages, worker} {
		if err == nil {
			err = p.generate(name)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("prepare the page: %w", err)
	}
	return p, nil
}

// Routes registers GET and HEAD of "/", "/admin", the service worker, whose path is
// the scope it controls, and the files below "/page/".
func (p *Page) Routes(e *echo.Echo) {
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		e.Add(method, "/", func(c echo.Context) error { return p.serve(c, index) })
		e.Add(method, "/admin", func(c echo.Context) error { return p.serve(c, admin) })
		e.Add(method, "/"+worker, func(c echo.Context) error { return p.serve(c, worker) })
		e.Add(method, prefix+"*", func(c echo.Context) error { return p.serve(c, c.Param("*")) })
	}
}

func (p *Page) serve(c echo.Context, name string) error {
	file, known := p.assets[name]
	if !known || slices.Contains([]string{index, admin, worker}, name) && c.Path() == prefix+"*" {
		return echo.ErrNotFound
	}
	return file.Serve(c, policy)
}
