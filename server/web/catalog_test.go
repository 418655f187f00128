package web_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// message is one entry of a catalog: a text, or texts by plural category.
type message struct {
	forms map[string]string
}

func (m *message) UnmarshalJSON(raw []byte) error {
	m.forms = map[string]string{"": ""}
	if raw[0] == '"' {
		var text string
		err := json.Unmarshal(raw, &text)
		m.forms[""] = text
		return err
	}
	delete(m.forms, "")
	return json.Unmarshal(raw, &m.forms)
}

// plural reports whether the message has a form per plural category.
func (m message) plural() bool {
	_, one := m.forms[""]
	return !one
}

var placeholder = regexp.MustCompile(`\{\w*\}?`)

// placeholders returns those of a text, sorted.
func placeholders(text string) []string {
	found := placeholder.FindAllString(text, -1)
	slices.Sort(found)
	return slices.Compact(found)
}

// catalogs returns the messages by language.
func catalogs(t *testing.T) map[string]map[string]message {
	t.Helper()
	found := map[string]map[string]message{}
	for address, text := range files(t) {
		if path.Ext(address) != ".json" {
			continue
		}
		var catalog map[string]message
		if err := json.Unmarshal([]byte(text), &catalog); err != nil {
			t.Fatalf("%s: %v", address, err)
		}
		found[strings.TrimSuffix(path.Base(address), ".json")] = catalog
	}
	return found
}

// Every language has every message, with the placeholders of the English one.
func TestNoMessageIsMissing(t *testing.T) {
	t.Parallel()
	all := catalogs(t)
	if codes := slices.Sorted(maps.Keys(all)); !slices.Equal(codes, []string{"de", "en", "es", "fr", "ja", "ko", "pt", "zh-Hans"}) {
		t.Errorf("the languages are %v", codes)
	}
	for code, catalog := range all {
		for key, english := range all["en"] {
			got, known := catalog[key]
			if !known || got.plural() != english.plural() {
				t.Errorf("%s: %s is missing, or has forms where English has none", code, key)
				continue
			}
			for form, text := range got.forms {
				if strings.TrimSpace(text) == "" {
					t.Errorf("%s: %s %s is empty", code, key, form)
				}
				want := english.forms[""] + english.forms["other"]
				if form != "one" && !slices.Equal(placeholders(text), placeholders(want)) {
					t.Errorf("%s: %s %s has the placeholders %v, English %v", code, key, form, placeholders(text), placeholders(want))
				}
			}
		}
		for key := range catalog {
			if _, known := all["en"][key]; !known {
				t.Errorf("%s: there is no English %s", code, key)
			}
		}
	}
}

// Each language is set as its typographers do.
func TestTypography(t *testing.T) {
	t.Parallel()
	wrong := map[string]*regexp.Regexp{
		"fr":      regexp.MustCompile(`'|[^\x{a0}\x{202f}]([;?!]|:[^/\d])`), // no line break before these
		"ja":      regexp.MustCompile(`[?;,()]|:[^/\d]`),
		"zh-Hans": regexp.MustCompile(`[?;,()]|:[^/\d]`),
		"es":      regexp.MustCompile(`^[^¿]*\?|^[^¡]*!`),
		"de":      regexp.MustCompile(`'|[.:] Sie (werden|wird)|^Sie werden`), // "they" reads as "you"
	}
	for code, expression := range wrong {
		for key, m := range catalogs(t)[code] {
			for _, text := range m.forms {
				if found := expression.FindString(text); found != "" && !strings.Contains(key, "urlHint") {
					t.Errorf("%s: %s has %q: %s", code, key, found, text)
				}
			}
		}
	}
}

func TestLanguagesAreListed(t *testing.T) {
	t.Parallel()
	got := do(handler(t), http.MethodGet, "/page/languages/index.js", nil)
	for code, catalog := range catalogs(t) {
		if want := `"` + code + `":"` + catalog["language.name"].forms[""] + `"`; !strings.Contains(got.Body.String(), want) {
			t.Errorf("the list lacks %s: %s", want, got.Body)
		}
	}
}

var (
	keyInHTML = regexp.MustCompile(`data-t(?:-[a-z-]+)?="([^"]+)"`)
	keyInCall = regexp.MustCompile(`\bt\("([^"]+)"`)
	keyInJS   = regexp.MustCompile(`^([a-z][A-Za-z]+)\.[a-z_0-9][\w.-]*$`)
)

// Every message that HTML and JavaScript name exists, and no other does. A template
// literal like `error.${kind}` names all that begin so.
func TestMessagesAreUsed(t *testing.T) {
	t.Parallel()
	english := catalogs(t)["en"]
	sections, used := map[string]bool{}, map[string]bool{"language.name": true}
	for key := range english {
		section, _, _ := strings.Cut(key, ".")
		sections[section] = true
	}
	for address, text := range files(t) {
		keys := keyInCall
		if path.Ext(address) == "" {
			keys = keyInHTML
		}
		for _, found := range keys.FindAllStringSubmatch(text, -1) {
			used[found[1]] = true
		}
		if path.Ext(address) != ".js" {
			continue
		}
		for _, literal := range literals(text) {
			if prefix, _, cut := strings.Cut(literal, "\x00"); cut && keyInJS.MatchString(prefix+"x") {
				for key := range english {
					used[key] = used[key] || strings.HasPrefix(key, prefix)
				}
			} else if found := keyInJS.FindStringSubmatch(literal); found != nil && sections[found[1]] {
				used[literal] = true
			}
		}
	}
	for key, is := range used {
		if _, known := english[key]; is && !known {
			t.Errorf("%s is used, but no message", key)
		}
	}
	for key := range english {
		if !used[key] {
			t.Errorf("nothing uses the message %s", key)
		}
	}
}

// shown are attributes that a user sees or hears.
func shown() []string {
	return []string{"alt", "aria-label", "aria-description", "aria-valuetext", "content", "label", "placeholder", "title"}
}

var word = regexp.MustCompile(`\pL{2,}`)

// The pages have no text of their own: it comes from the catalog, except for names
// (translate="no"), the title, and the text for browsers without JavaScript.
func TestPagesHaveNoText(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"/", "/admin"} {
		root, err := html.Parse(strings.NewReader(files(t)[address]))
		if err != nil {
			t.Fatal(err)
		}
		checked := 0
		for node := range root.Descendants() {
			switch {
			case node.Type == html.TextNode && word.MatchString(node.Data):
				if !named(node) {
					t.Errorf("%s: the text %q is not in the catalog", address, node.Data)
				}
			case node.Type == html.ElementNode && node.Data != "meta":
				checked++
				for _, attribute := range node.Attr {
					if slices.Contains(shown(), attribute.Key) && word.MatchString(attribute.Val) {
						t.Errorf("%s: %s=%q is not in the catalog", address, attribute.Key, attribute.Val)
					}
				}
			}
		}
		if checked < 60 {
			t.Errorf("%s: only %d elements were checked", address, checked)
		}
	}
}

// named reports whether a text is a name or otherwise not to be translated.
func named(node *html.Node) bool {
	for ; node != nil; node = node.Parent {
		if node.Data == "noscript" || slices.ContainsFunc(node.Attr, func(a html.Attribute) bool { return a.Key == "translate" && a.Val == "no" }) {
			return true
		}
	}
	return false
}

var (
	sentence = regexp.MustCompile(`\pL{2,} \pL|\pL \pL{2,}|^ \pL{2,}|\pL{2,} $|^[A-Z][a-z]+[.!?]?$|\x00 \pL{2,}|\pL{2,} \x00`)
	// technical literals look like sentences but are shown nowhere.
	technical = regexp.MustCompile(`^(use strict|JPEG XL|JPEG 2000|Files|Notification|Bearer \x00|[#.a-z\[]+[\w.=\[\]#-]*(, ?| )[.#a-z\[].*|\(.*\)|translate\(.*|inset\(.*)$`)
)

// The modules have no text of their own either.
func TestModulesHaveNoText(t *testing.T) {
	t.Parallel()
	for address, text := range files(t) {
		if path.Ext(address) != ".js" {
			continue
		}
		for _, literal := range literals(text) {
			if sentence.MatchString(literal) && !technical.MatchString(literal) {
				t.Errorf("%s: %q is not in the catalog", address, literal)
			}
		}
	}
}

func TestLiterals(t *testing.T) {
	t.Parallel()
	const source = "a(\"one\\\"\", 'two', `three ${b(`four ${c}`)} five`); // \"no\"\n/* 'no' */ x = /\"[/\"]/g; y = 8 / 2; z(\"six\") / 3;"
	if got, want := literals(source), []string{`one\"`, "two", "three \x00 five", "four \x00", "six"}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	for text, want := range map[string]bool{"Done": true, "Try again.": true, " left": true, "\x00 left": true, "in the queue": true, "running": false, "Content-Type": false, "compare-with": false} {
		if got := sentence.MatchString(text); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

var token = regexp.MustCompile("(?s)^(?:" + strings.Join([]string{
	`//[^\n]*`, `/\*.*?\*/`, // comments
	`"(?:[^"\\\n]|\\.)*"`, `'(?:[^'\\\n]|\\.)*'`,
	`/(?:[^/\\\n*\[]|\\.|\[(?:[^\]\\\n]|\\.)*\])(?:[^/\\\n\[]|\\.|\[(?:[^\]\\\n]|\\.)*\])*/[a-z]*`, // regular expressions
}, "|") + ")")

// literals returns the texts of JavaScript's string and template literals. \x00
// stands for an expression in a template.
func literals(source string) []string {
	var found []string
	for at := 0; at < len(source); {
		if source[at] == '`' {
			text, inner, size := template(source[at:])
			found = append(append(found, text), inner...)
			at += size
			continue
		}
		match := token.FindString(source[at:])
		switch {
		case match == "" || match[0] == '/' && match[1] != '/' && match[1] != '*' && !mayBeRegexp(source[:at]):
			at++
			continue
		case match[0] == '"' || match[0] == '\'':
			found = append(found, match[1:len(match)-1])
		}
		at += len(match)
	}
	return found
}

// mayBeRegexp reports whether a slash after this source begins a regular expression
// and does not divide.
func mayBeRegexp(before string) bool {
	before = strings.TrimRight(before, " ")
	return before == "" || strings.ContainsAny(before[len(before)-1:], "(,=:[!&|?{};\n") || strings.HasSuffix(before, "return")
}

// template splits a template literal at the beginning of a source.
func template(source string) (text string, inner []string, size int) {
	var b strings.Builder
	for at := 1; at < len(source); at++ {
		switch {
		case source[at] == '`':
			return b.String(), inner, at + 1
		case source[at] == '\\':
			at++
		case strings.HasPrefix(source[at:], "${"):
			end := closing(source, at+2)
			inner = append(inner, literals(source[at+2:end])...)
			b.WriteByte(0)
			at = end
		default:
			b.WriteByte(source[at])
		}
	}
	return b.String(), inner, len(source)
}

// closing returns the index of the brace that ends an expression of a template.
func closing(source string, at int) int {
	for depth := 1; at < len(source); at++ {
		switch source[at] {
		case '`':
			_, _, size := template(source[at:])
			at += size - 1
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return at
			}
		}
	}
	return at
}
