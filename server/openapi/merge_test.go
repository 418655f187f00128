package openapi

import (
	"bytes"
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
	var text bytes.Buffer
	err = encode(&text, whole)
	if want := `{"z":{"b":{"c":1.5,"a":[true,null]}},"tags":["x","y"],"e":"z","f":"z"}`; err != nil || text.String() != want {
		t.Errorf("%s, %v", text.String(), err)
	}
}

func TestMergeRefuses(t *testing.T) {
	t.Parallel()
	for want, texts := range map[string][]string{
		"a.b is defined twice":        {"a: {b: 1}", "a: {b: 1}"},
		"a is defined twice":          {"a: {b: 1}", "a: 2"},
		"a.tags is defined twice":     {"a: {tags: [1]}", "a: {tags: [2]}"}, // only whole lists of the document grow
		"line 1: c is defined twice":  {"a: {b: {c: 1, c: 2}}"},
		"parts/a.yaml: a is defined":  {"a: 1\na: 2"},
		"parse parts/a.yaml":          {"a: ["},
		"is not a mapping":            {"- a"},
		"a.yaml: it is not a mapping": {""},
	} {
		got, err := merge(files(texts...))
		if err == nil {
			err = encode(&bytes.Buffer{}, got)
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, %v", want, got, err)
		}
	}
}
