package docs

import (
	"html/template"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/labstack/echo/v4"
)

// Bounds of a search: bytes and words of a query, results, and bytes of text
// shown around a match.
const (
	maxQuery   = 100
	maxWords   = 8
	maxResults = 20
	excerpt    = 160
)

// entry is one section as the search compares it, in lower case.
type entry struct {
	page                 *page
	section              section
	title, heading, text string
}

type searchIndex []entry

func newSearchIndex(pages []*page) searchIndex {
	var index searchIndex
	for _, p := range pages {
		for _, s := range p.Sections {
			index = append(index, entry{p, s, strings.ToLower(p.Title), strings.ToLower(s.Heading), strings.ToLower(s.Text)})
		}
	}
	return index
}

// Result is a section that matches a query.
type Result struct {
	Path, Page, Heading  string
	Before, Match, After string // excerpt around the first match, if any
	score                int
}

// find returns the sections that contain all words of a query, best first.
// Matches in headings count more than matches in titles and text.
func (index searchIndex) find(query string) []Result {
	words := strings.Fields(strings.ToLower(query[:min(len(query), maxQuery)]))
	if len(words) == 0 {
		return nil
	}
	words = words[:min(len(words), maxWords)]
	var results []Result
	for _, e := range index {
		if score := e.score(words); score > 0 {
			r := Result{Path: searchPage().Link(e.page), Page: e.page.Title, Heading: e.section.Heading, score: score}
			if e.section.Level > 1 {
				r.Path += "#" + e.section.Anchor
			}
			r.Before, r.Match, r.After = e.excerpt(words)
			results = append(results, r)
		}
	}
	slices.SortStableFunc(results, func(a, b Result) int { return b.score - a.score })
	return results[:min(len(results), maxResults)]
}

// score is 0 unless every word occurs.
func (e entry) score(words []string) int {
	total := 0
	for _, word := range words {
		score := min(strings.Count(e.text, word), 3)
		if strings.Contains(e.heading, word) {
			score += 10
		}
		if strings.Contains(e.title, word) {
			score += 3
		}
		if score == 0 {
			return 0
		}
		total += score
	}
	return total
}

// excerpt returns the text around the first of the words that occurs in it.
func (e entry) excerpt(words []string) (before, match, after string) {
	text := e.section.Text
	if len(text) != len(e.text) { // a letter whose lower case has another length
		text = e.text
	}
	at, length := 0, 0
	for _, word := range words {
		if i := strings.Index(e.text, word); i >= 0 {
			at, length = i, len(word)
			break
		}
	}
	from, to := runeStart(text, at-excerpt/3), runeStart(text, at+excerpt)
	before, after = text[from:at], text[at+length:max(to, at+length)]
	if from > 0 {
		before = "…" + before
	}
	if to < len(text) {
		after += "…"
	}
	return before, text[at : at+length], after
}

// runeStart moves an offset into the text and back to the start of a rune.
func runeStart(text string, at int) int {
	at = min(max(at, 0), len(text))
	for at > 0 && at < len(text) && !utf8.RuneStart(text[at]) {
		at--
	}
	return at
}

// searchPage is the page of results without them.
func searchPage() *page { return &page{Name: "search", Title: "Search"} }

// serveSearch answers GET /docs/search?q=… with a page of results. search.js
// shows the same list below the field while someone types.
func (g *Guide) serveSearch(c echo.Context) error {
	query := strings.TrimSpace(strings.ToValidUTF8(c.QueryParam("q"), ""))
	var body strings.Builder
	err := g.layout.ExecuteTemplate(&body, "results", struct {
		Query   string
		Results []Result
	}{query, g.search.find(query)})
	if err != nil {
		return err
	}
	found := searchPage()
	found.Body = template.HTML(body.String())
	asset, err := g.render(view{page: found, Query: query, Results: true})
	if err != nil {
		return err
	}
	return asset.Serve(c, policy)
}
