package openapi

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/fstest"
)

func files(texts ...string) fstest.MapFS {
	all := fstest.MapFS{}
	for i, text := range texts {
		all["parts/"+string(rune('a'+i))+".yaml"] = &fstest.MapFile{Data: []byte(text)}
	}
	return all
}

func TestMerge(t *testing.T) {
	t.Parallel()
	whole, err := merge(files("z: {b: {c: 1.5}}\ntags: [x]", "z: {b: {a: [true, null]}}\ntags: [y]\ne: &e z\nf: *e"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(whole)
	if want := `{"z":{"b":{"c":1.5,"a":[true,null]}},"tags":["x","y"],"e":"z","f":"z"}`; err != nil || string(text) != want {
		t.Errorf("%s, %v", text, err)
	}
}

func TestMergeRefuses(t *testing.T) {
	t.Parallel()
	for want, texts := range map[string][]string{
		"a.b is there already":    {"a: {b: 1}", "a: {b: 1}"},
		"a is there already":      {"a: {b: 1}", "a: 2"},
		"a.tags is there already": {"a: {tags: [1]}", "a: {tags: [2]}"}, // only whole lists of the document grow
		"parse parts/a.yaml":      {"a: ["},
		"a is there twice":        {"a: 1\na: 2"},
		"no mapping":              {"- a"},
		"it is empty":             {""},
	} {
		if got, err := merge(files(texts...)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, %v", want, got, err)
		}
	}
}

func TestMarkup(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"a <b> & `c<d>` **e**": "a &lt;b&gt; &amp; <code>c&lt;d&gt;</code> <strong>e</strong>",
		"a\n\nb\n":             "a<br><br>b",
		"list of [[Job]]":      `list of <a href="#schema-Job">Job</a>`,
		`<a href="[[x y]]">`:   `&lt;a href=&#34;[[x y]]&#34;&gt;`,
	} {
		if got := string(markup(text)); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}
