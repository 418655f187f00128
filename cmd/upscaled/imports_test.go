package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// root is the repository, seen from this package's folder.
const repository = "../.."

// source is one parsed file of the project.
type source struct {
	path   string // with slashes, from the repository
	folder string // of path: the import path within the module
	test   bool
	file   *ast.File
	lines  int
	text   string
	// position returns the line of a node of file.
	position func(token.Pos) token.Position
}

func (s source) imports() []string {
	var paths []string
	for _, spec := range s.file.Imports {
		path, _ := strconv.Unquote(spec.Path.Value)
		paths = append(paths, path)
	}
	return paths
}

// within reports whether a folder is one of others or below one.
func within(folder string, others ...string) bool {
	for _, other := range others {
		if folder == other || strings.HasPrefix(folder, other+"/") {
			return true
		}
	}
	return false
}

// rule looks at one import of one file and says what is wrong with it, or "".
// own is the imported package's folder where it is one of this project, else
// "".
type rule struct {
	reason string
	broken func(s source, path, own string) bool
}

func standardLibrary(path, own string) bool {
	first, _, _ := strings.Cut(path, "/")
	return own == "" && path != "C" && !strings.Contains(first, ".")
}

// leaves are imported by everybody and import nobody above them.
var leaves = []string{"models/fault", "engine/imagedata", "engine/parallel", "models/weights"}

// layer returns the layer of a package's top-level folder, 0 for the highest one,
// and -1 for folders outside of the program.
func layer(folder string) int {
	return slices.IndexFunc([][]string{{"cmd"}, {"server"}, {"engine"}, {"models", "tiling"}}, func(names []string) bool {
		return slices.Contains(names, top(folder))
	})
}

func top(folder string) string {
	name, _, _ := strings.Cut(folder, "/")
	return name
}

func rules() []rule {
	return []rule{
		{"top-level folders import one way only: cmd -> server -> engine -> models, tiling", func(s source, _, own string) bool {
			from, to := layer(s.folder), layer(own)
			return own != "" && from >= 0 && to >= 0 && to <= from && top(own) != top(s.folder)
		}},
		{"tiling, parallel and fault use the standard library only: pure geometry, a loop, pure vocabulary", func(s source, path, own string) bool {
			return within(s.folder, "tiling", "engine/parallel", "models/fault") && !s.test && !standardLibrary(path, own)
		}},
		{"leaves import leaves only, so that nobody gets a circle", func(s source, _, own string) bool {
			return within(s.folder, leaves...) && own != "" && !s.test && !within(own, leaves...)
		}},
		{"the engine knows no HTTP, no queue and no web framework", func(s source, path, _ string) bool {
			return within(s.folder, "engine") && !s.test && (within(path, "net/http", "github.com/labstack/echo") || strings.Contains(path, "nats-io"))
		}},
		{"only the runtimes touch native libraries: everything else is tested without them", func(s source, path, _ string) bool {
			native := path == "C" && !within(s.folder, "engine/cpu/kernels") || strings.Contains(path, "onnxruntime_go")
			return native && !within(s.folder, "engine/ort", "engine/imagedata/codec")
		}},
		{"the engine is given its runtimes: only engine/upscaler and tests import them", func(s source, _, own string) bool {
			return within(own, "engine/ort", "engine/cpu") && !s.test && !within(s.folder, "engine/upscaler", "engine/cpu", own)
		}},
		{"only server/queue imports NATS: the queue can be replaced", func(s source, path, _ string) bool {
			return strings.Contains(path, "nats-io") && !within(s.folder, "server/queue")
		}},
		{"dialects never import each other: each can be read and dropped alone", func(s source, _, own string) bool {
			testing := s.test && own == "server/dialect/dialecttest"
			return within(s.folder, "server/dialect") && within(own, "server/dialect") && !within(own, s.folder) && !within(s.folder, own) && !testing
		}},
	}
}

func TestImportsPointOneWay(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		for _, path := range s.imports() {
			own, _ := strings.CutPrefix(path, "upscaled/")
			if own == path {
				own = ""
			}
			for _, r := range rules() {
				if r.broken(s, path, own) {
					t.Errorf("%s imports %q: %s", s.path, path, r.reason)
				}
			}
		}
	}
}

func TestFilesAndNames(t *testing.T) {
	t.Parallel()
	vague := map[string]bool{"util": true, "utils": true, "helper": true, "helpers": true, "common": true, "manager": true, "misc": true}
	for _, s := range sources(t) {
		stem := strings.TrimSuffix(strings.TrimSuffix(filepath.Base(s.path), ".go"), "_test")
		if vague[s.file.Name.Name] || vague[stem] {
			t.Errorf("%s: the name says nothing; name what is inside", s.path)
		}
		for _, declaration := range s.file.Decls {
			if f, ok := declaration.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
				t.Errorf("%s has func init: work at start-up belongs where its errors can be told", s.path)
			}
		}
	}
}

// The rules themselves have to catch what they forbid.
func TestRulesCatch(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ folder, path string }{
		{"engine", "upscaled/cmd/upscaled"}, {"engine", "upscaled/server/job"}, {"models", "upscaled/engine"},
		{"tiling", "golang.org/x/sync/errgroup"}, {"models/fault", "upscaled/engine/imagedata"},
		{"models/weights", "upscaled/models/network"}, {"engine", "net/http"}, {"engine/resize", "C"},
		{"cmd/upscaled", "github.com/yalue/onnxruntime_go"}, {"server", "upscaled/engine/ort"}, {"cmd/upscaled", "upscaled/engine/cpu"},
		{"engine", "upscaled/engine/ort"}, {"models/onnx", "upscaled/engine/face"}, {"models", "upscaled/tiling"}, {"tiling", "upscaled/models/fault"},
		{"server/job", "upscaled/cmd/upscaled/batch"},
		{"server/worker", "github.com/nats-io/nats.go"}, {"server/dialect/mnml", "upscaled/server/dialect/artnex"},
	} {
		own, isOwn := strings.CutPrefix(c.path, "upscaled/")
		if !isOwn {
			own = ""
		}
		caught := false
		for _, r := range rules() {
			caught = caught || r.broken(source{folder: c.folder}, c.path, own)
		}
		if !caught {
			t.Errorf("%s may import %s", c.folder, c.path)
		}
	}
}

// sources parses every Go file of the project.
func sources(t *testing.T) []source {
	t.Helper()
	var all []source
	err := filepath.WalkDir(repository, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != repository && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "testdata" || entry.Name() == "node_modules"):
			return filepath.SkipDir
		case entry.IsDir() || filepath.Ext(path) != ".go":
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, path, text, parser.SkipObjectResolution|parser.ParseComments)
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(repository, path)
		if err != nil {
			return err
		}
		relative = filepath.ToSlash(relative)
		all = append(all, source{
			path: relative, folder: strings.TrimSuffix(relative, "/"+entry.Name()),
			test: strings.HasSuffix(relative, "_test.go") || strings.Contains(relative, "test/"),
			file: file, lines: strings.Count(string(text), "\n"), text: string(text), position: files.Position,
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 20 {
		t.Fatalf("only %d files were found: the rules would hold for nothing", len(all))
	}
	return all
}
