package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
)

// flip returns a source file without one guard.
func flip(text string, g guard) (string, error) {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, g.file, text, parser.SkipObjectResolution)
	if err != nil {
		return "", err
	}
	base := files.File(file.Pos()).Base()
	s := source{text: text, line: guardedLine(text, g.line), with: g.replacement}
	s.offset = func(p token.Pos) int { return int(p) - base }
	ast.Inspect(file, func(n ast.Node) bool {
		if n == nil {
			s.parents = s.parents[:len(s.parents)-1]
			return true
		}
		if !s.done && files.Position(n.Pos()).Line == s.line {
			s.done = s.mutate(n)
		}
		s.parents = append(s.parents, n)
		return true
	})
	if !s.done {
		return "", fmt.Errorf("%s:%d: the guard stands at no statement, operand or element that can be taken out; give it a replacement or move it", g.file, g.line)
	}
	return s.result, nil
}

// guardedLine returns the line that a mark is about: its own, or the next one
// that is more than a comment.
func guardedLine(text string, line int) int {
	lines := strings.Split(text, "\n")
	for strings.HasPrefix(strings.TrimSpace(lines[line-1]), "//") && line < len(lines) {
		line++
	}
	return line
}

// source is a file that is being changed.
type source struct {
	text    string
	line    int
	with    string // the guard's replacement
	offset  func(token.Pos) int
	parents []ast.Node
	done    bool
	result  string
}

// mutate changes the source if a node is of a kind that can be taken out, and
// reports whether it is. Code in the dead branch of a condition keeps imports and
// variables in use.
func (s *source) mutate(n ast.Node) bool {
	var parent ast.Node
	if len(s.parents) > 0 {
		parent = s.parents[len(s.parents)-1]
	}
	switch n := n.(type) {
	case *ast.FuncDecl:
		return s.replace(n.Body.Lbrace, n.Body.Lbrace, "{ if true { return "+s.with+" }\n", 1)
	case *ast.IfStmt:
		return s.condition(n.Cond)
	case *ast.ForStmt:
		return s.condition(n.Cond)
	case *ast.RangeStmt:
		return s.with != "" && s.replace(n.X.Pos(), n.X.End(), s.with, 0)
	case *ast.CaseClause:
		return len(n.List) > 0 && s.replace(n.List[0].Pos(), n.List[len(n.List)-1].End(), s.cases(n.List), 0)
	case *ast.CommClause:
		receive, ok := n.Comm.(*ast.ExprStmt)
		return ok && s.with != "" && s.replace(receive.Pos(), receive.End(), "<-"+s.with, 0)
	case *ast.ValueSpec:
		return s.with != "" && len(n.Values) > 0 && s.replace(n.Values[0].Pos(), n.End(), s.with, 0)
	case *ast.KeyValueExpr:
		if s.with != "" {
			return s.replace(n.Value.Pos(), n.End(), strings.TrimPrefix(s.with, s.code(n.Key)+": "), 0)
		}
		return s.dropElement(n)
	case *ast.BlockStmt, *ast.DeclStmt:
		return false
	case ast.Stmt:
		return s.statement(n)
	case ast.Expr:
		return s.operand(n, parent)
	}
	return false
}

// replace puts a text in place of the code between two positions and of more bytes
// after it.
func (s *source) replace(from, to token.Pos, text string, more int) bool {
	s.result = s.text[:s.offset(from)] + text + s.text[s.offset(to)+more:]
	return true
}

func (s *source) code(n ast.Node) string { return s.text[s.offset(n.Pos()):s.offset(n.End())] }

// condition replaces a condition, by false if there is no replacement.
func (s *source) condition(n ast.Expr) bool {
	return n != nil && s.replace(n.Pos(), n.End(), s.cases([]ast.Expr{n}), 0)
}

// cases returns conditions that never hold, behind the replacement if there is
// one.
func (s *source) cases(conditions []ast.Expr) string {
	var all []string
	if s.with != "" {
		all = append(all, s.with)
	}
	for _, c := range conditions {
		all = append(all, "false && ("+s.code(c)+")")
	}
	return strings.Join(all, " || ")
}

// statement leaves a statement out, or replaces the values that it assigns,
// returns or calls.
func (s *source) statement(n ast.Stmt) bool {
	dead, live := s.code(n), ""
	switch n := n.(type) {
	case *ast.ReturnStmt:
		if s.with != "" {
			live = "return " + s.with
		}
	case *ast.AssignStmt:
		left := s.text[s.offset(n.Pos()):s.offset(n.TokPos)] + n.Tok.String() + " "
		if n.Tok == token.DEFINE {
			if s.with == "" {
				return false
			}
			dead = strings.TrimPrefix(strings.Repeat(", _", len(n.Lhs)), ", ") + " = " + s.text[s.offset(n.Rhs[0].Pos()):s.offset(n.End())]
		}
		if s.with != "" {
			live = left + s.with
		}
	default:
		live = s.with
	}
	return s.replace(n.Pos(), n.End(), "if false {\n"+dead+"\n}\n"+live, 0)
}

// operand replaces an operand of && or ||, or an element of a literal.
func (s *source) operand(n ast.Expr, parent ast.Node) bool {
	switch parent := parent.(type) {
	case *ast.CompositeLit:
		if n == parent.Type {
			return false
		}
		if s.with != "" {
			return s.replace(n.Pos(), n.End(), s.with, 0)
		}
		return s.dropElement(n)
	case *ast.BinaryExpr:
		neutral, ok := map[token.Token]string{token.LAND: "true || ", token.LOR: "false && "}[parent.Op]
		if s.with != "" {
			neutral = s.with + " || false && "
		}
		return ok && s.replace(n.Pos(), n.End(), "("+neutral+"("+s.code(n)+"))", 0)
	}
	return false
}

// dropElement removes an element of a literal and the comma after it.
func (s *source) dropElement(n ast.Node) bool {
	rest := s.text[s.offset(n.End()):]
	more := 0
	if trimmed := strings.TrimLeft(rest, " \t"); strings.HasPrefix(trimmed, ",") {
		more = len(rest) - len(trimmed) + 1
	}
	return s.replace(n.Pos(), n.End(), "", more)
}
