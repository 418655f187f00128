package docs

import (
	"bytes"
	"fmt"
	"html/template"
	"path"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
)

// page is one rendered Markdown file.
type page struct {
	Name     string // below root, "" for the index
	Title    string
	Body     template.HTML
	Sections []section
}

// section is a heading and the text up to the next heading.
type section struct {
	Level           int
	Anchor, Heading string
	Text            string
}

// group is a part of the sidebar.
type group struct {
	Title string
	Pages []*page
}

// readPages renders every page in reading order: the index, then the pages in
// the order in which the index lists them.
func readPages() ([]*page, []group, error) {
	// Wide code and tables scroll by themselves, also with the keyboard.
	scrollable := strings.NewReplacer("<pre>", `<pre tabindex="0">`, "<table>", `<div class="wide" tabindex="0"><table>`, "</table>", "</table></div>")
	markdown := goldmark.New(goldmark.WithExtensions(extension.Table), goldmark.WithParserOptions(parser.WithAutoHeadingID()))
	read := func(file string) (*page, ast.Node, error) {
		source, err := files.ReadFile(file)
		if err != nil {
			return nil, nil, fmt.Errorf("read guide page %s: %w", file, err)
		}
		document := markdown.Parser().Parse(text.NewReader(source))
		p := &page{Name: pageName(file), Sections: sections(document, source)}
		if len(p.Sections) > 0 {
			p.Title = p.Sections[0].Heading
		}
		rewriteLinks(document, p)
		var html bytes.Buffer
		if err := markdown.Renderer().Render(&html, source, document); err != nil {
			return nil, nil, fmt.Errorf("render guide page %s: %w", file, err)
		}
		p.Body = template.HTML(scrollable.Replace(html.String())) // our own text, hence trusted
		return p, document, nil
	}
	first, document, err := read(index)
	if err != nil {
		return nil, nil, err
	}
	source, _ := files.ReadFile(index)
	pages, groups := []*page{first}, []group(nil)
	for _, part := range contents(document, source) {
		g := group{Title: part.title}
		for _, name := range part.names {
			p, _, err := read(name + ".md")
			if err != nil {
				return nil, nil, err
			}
			pages, g.Pages = append(pages, p), append(g.Pages, p)
		}
		groups = append(groups, g)
	}
	return pages, groups, nil
}

// pageName returns the name of a file's page: "deploy" for "deploy.md".
func pageName(file string) string {
	if file == index {
		return ""
	}
	return strings.TrimSuffix(file, ".md")
}

// Links between pages are relative, so that the guide also works below a path of a
// reverse proxy.

// Base returns the folder of all pages, as seen from this one.
func (p *page) Base() string {
	if p.Name == "" {
		return path.Base(root) + "/"
	}
	return ""
}

// Index returns the URL of the guide's first page.
func (p *page) Index() string { return path.Join(p.Home(), path.Base(root)) }

// Home returns the URL of the server's first page.
func (p *page) Home() string {
	if p.Name == "" {
		return "./"
	}
	return "../"
}

// Link returns the URL of another page.
func (p *page) Link(to *page) string {
	if to.Name == "" {
		return p.Index()
	}
	return p.Base() + to.Name
}

// rewriteLinks turns links of a page to files, which work in the repository, into
// links to pages. Images are served beside the pages.
func rewriteLinks(document ast.Node, p *page) {
	walk(document, func(n ast.Node) {
		switch n := n.(type) {
		case *ast.Link:
			to := string(n.Destination)
			file, anchor, _ := strings.Cut(to, "#")
			if strings.HasSuffix(file, ".md") {
				n.Destination = []byte(p.Link(&page{Name: pageName(file)}))
				if anchor != "" {
					n.Destination = append(n.Destination, "#"+anchor...)
				}
			} else if strings.HasPrefix(to, "/") {
				n.Destination = []byte(p.Home() + to[1:])
			}
		case *ast.Image:
			n.Destination = []byte(p.Base() + path.Base(string(n.Destination)))
		}
	})
}

// part is a second-level heading of the index and the pages linked below it.
type part struct {
	title string
	names []string
}

func contents(document ast.Node, source []byte) []part {
	var parts []part
	walk(document, func(n ast.Node) {
		switch n := n.(type) {
		case *ast.Heading:
			if n.Level == 2 {
				parts = append(parts, part{title: plainText(n, source)})
			}
		case *ast.Link: // already rewritten
			if name, isPage := strings.CutPrefix(string(n.Destination), (&page{}).Base()); isPage && len(parts) > 0 && !strings.Contains(name, "#") {
				parts[len(parts)-1].names = append(parts[len(parts)-1].names, name)
			}
		}
	})
	return parts
}

// sections returns a page's headings with their text. Code is included: people
// search for flags and messages.
func sections(document ast.Node, source []byte) []section {
	var found []section
	for n := document.FirstChild(); n != nil; n = n.NextSibling() {
		if heading, ok := n.(*ast.Heading); ok {
			s := section{Level: heading.Level, Heading: plainText(n, source)}
			if id, ok := heading.AttributeString("id"); ok {
				s.Anchor = string(id.([]byte))
			}
			found = append(found, s)
		} else if len(found) > 0 && n.Kind() != ast.KindHTMLBlock {
			found[len(found)-1].Text += plainText(n, source) + " "
		}
	}
	return found
}

// plainText returns the text below a node, with single spaces.
func plainText(node ast.Node, source []byte) string {
	var b strings.Builder
	walk(node, func(n ast.Node) {
		switch n := n.(type) {
		case *ast.Text:
			b.Write(n.Segment.Value(source))
			if n.SoftLineBreak() {
				b.WriteByte(' ')
			}
		case *ast.FencedCodeBlock, *ast.CodeBlock:
			b.Write(n.Lines().Value(source))
		}
		if n.Type() == ast.TypeBlock {
			b.WriteByte(' ')
		}
	})
	return strings.Join(strings.Fields(b.String()), " ")
}

// walk calls visit for a node and everything below it.
func walk(node ast.Node, visit func(ast.Node)) {
	visit(node)
	for n := node.FirstChild(); n != nil; n = n.NextSibling() {
		walk(n, visit)
	}
}

// Headings returns the second-level sections, which the sidebar lists.
func (p *page) Headings() []section {
	var found []section
	for _, s := range p.Sections {
		if s.Level == 2 {
			found = append(found, s)
		}
	}
	return found
}
