package main

import (
	"go/ast"
	"path"
	"strings"
	"testing"
)

const (
	maxFileLines    = 400  // tests included
	maxMainLines    = 2000 // of package main, without tests
	maxMethods      = 20   // of a type
	usualLines      = 40   // that nearly all functions stay below
	minUsualPercent = 95
)

// A package's comment is in doc.go, or in the file named like the package or the
// folder.
func TestPackageComments(t *testing.T) {
	t.Parallel()
	documented, packages := map[string]bool{}, map[string]bool{}
	for _, s := range sources(t) {
		if strings.HasSuffix(s.path, "_test.go") && path.Base(s.folder) != "scripts" {
			continue
		}
		packages[s.folder] = true
		if doc := s.file.Doc; doc != nil {
			documented[s.folder] = true
			text := doc.Text()
			if s.file.Name.Name != "main" && !strings.HasPrefix(text, "Package "+s.file.Name.Name+" ") {
				t.Errorf("%s: the package comment does not begin with %q", s.path, "Package "+s.file.Name.Name)
			}
		}
	}
	for folder := range packages {
		if !documented[folder] {
			t.Errorf("%s has no package comment: add doc.go", folder)
		}
	}
}

func TestSizes(t *testing.T) {
	t.Parallel()
	methods := map[[2]string]int{} // by folder and type
	mainLines, functions, usual := 0, 0, 0
	for _, s := range sources(t) {
		if s.lines > maxFileLines {
			t.Errorf("%s has %d lines, at most %d are allowed", s.path, s.lines, maxFileLines)
		}
		if strings.HasSuffix(s.path, "_test.go") {
			continue
		}
		if s.folder == "cmd/upscaled" {
			mainLines += s.lines
		}
		for _, declaration := range s.file.Decls {
			f, ok := declaration.(*ast.FuncDecl)
			if !ok {
				continue
			}
			functions++
			if s.position(f.End()).Line-s.position(f.Pos()).Line < usualLines {
				usual++
			}
			if f.Recv != nil {
				methods[[2]string{s.folder, receiver(f.Recv.List[0].Type)}]++
			}
		}
	}
	for of, count := range methods {
		if count > maxMethods {
			t.Errorf("%s.%s has %d methods, at most %d are allowed: split it by what it owns", of[0], of[1], count, maxMethods)
		}
	}
	if mainLines > maxMainLines {
		t.Errorf("package main has %d lines, at most %d are allowed", mainLines, maxMainLines)
	}
	if percent := 100 * usual / functions; percent < minUsualPercent {
		t.Errorf("%d %% of %d functions have at most %d lines, at least %d %% must", percent, functions, usualLines, minUsualPercent)
	} else {
		t.Logf("%d %% of %d functions have at most %d lines; package main has %d", percent, functions, usualLines, mainLines)
	}
}

// receiver returns the name of a method's type.
func receiver(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.IndexExpr:
		return receiver(e.X)
	case *ast.IndexListExpr:
		return receiver(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}
