package openapi

import (
	"reflect"
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
	got, err := merge(files("a: {b: {c: 1}}\ntags: [x]", "a: {b: {d: 2}}\ntags: [y]\ne: z"))
	want := map[string]any{
		"a": map[string]any{"b": map[string]any{"c": 1, "d": 2}}, "tags": []any{"x", "y"}, "e": "z",
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v, %v", got, err)
	}
}

func TestMergeRefuses(t *testing.T) {
	t.Parallel()
	for want, texts := range map[string][]string{
		"a.b is there already":    {"a: {b: 1}", "a: {b: 1}"},
		"a is there already":      {"a: {b: 1}", "a: 2"},
		"a.tags is there already": {"a: {tags: [1]}", "a: {tags: [2]}"}, // only whole lists of the document grow
		"parse parts/a.yaml":      {"a: ["},
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
