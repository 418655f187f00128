package openapi_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"upscaled/server/openapi"
)

// made is the document; making it once is enough, as it does not change.
var made = sync.OnceValues(func() (*openapi.Document, error) { return openapi.New("1.2.3") })

func document(t testing.TB) *openapi.Document {
	t.Helper()
	d, err := made()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// load reads the document with somebody else's library.
func load(t testing.TB) *openapi3.T {
	t.Helper()
	loaded, err := openapi3.NewLoader().LoadFromData(document(t).JSON())
	if err != nil {
		t.Fatal(err)
	}
	return loaded
}

func TestDocumentIsValid(t *testing.T) {
	t.Parallel()
	loaded := load(t)
	if err := loaded.Validate(t.Context()); err != nil {
		t.Error(err)
	}
	if loaded.OpenAPI != "3.1.0" || loaded.Info.Version != "1.2.3" {
		t.Errorf("%s, version %s", loaded.OpenAPI, loaded.Info.Version)
	}
}

// The validation has to catch what is wrong.
func TestValidationCatches(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ old, new string }{
		"a reference to nothing": {`#/components/schemas/NativeJob"`, `#/components/schemas/NoJob"`},
		"a type that is none":    {`"type": "integer"`, `"type": "whole"`},
		"an unknown place":       {`"in": "path"`, `"in": "body"`},
		"a twin operationId":     {`"nativeList"`, `"nativeJob"`},
	} {
		text := strings.ReplaceAll(string(document(t).JSON()), c.old, c.new)
		loaded, err := openapi3.NewLoader().LoadFromData([]byte(text))
		if err == nil {
			err = loaded.Validate(t.Context())
		}
		if err == nil {
			t.Errorf("%s passes", name)
		}
	}
}

// Every operation has a name, a summary and a tag that is described.
func TestOperationsAreDescribed(t *testing.T) {
	t.Parallel()
	loaded, tags, names := load(t), map[string]bool{}, map[string]bool{}
	for _, tag := range loaded.Tags {
		tags[tag.Name] = tag.Description != ""
	}
	count := 0
	for path, item := range loaded.Paths.Map() {
		for method, o := range item.Operations() {
			count++
			if o.OperationID == "" || names[o.OperationID] || o.Summary == "" || len(o.Tags) == 0 {
				t.Errorf("%s %s: ID %q, summary %q, tags %v", method, path, o.OperationID, o.Summary, o.Tags)
			}
			names[o.OperationID] = true
			for _, tag := range o.Tags {
				if !tags[tag] {
					t.Errorf("%s %s: the tag %s is not described", method, path, tag)
				}
			}
		}
	}
	if count < 20 {
		t.Errorf("%d operations", count)
	}
}

// Nothing is defined that nobody uses.
func TestComponentsAreUsed(t *testing.T) {
	t.Parallel()
	text := string(document(t).JSON())
	var parsed struct {
		Components map[string]map[string]any `json:"components"`
	}
	if err := json.Unmarshal([]byte(text), &parsed); err != nil {
		t.Fatal(err)
	}
	for kind, all := range parsed.Components {
		for name := range all {
			used := strings.Contains(text, `"#/components/`+kind+`/`+name+`"`)
			if kind == "securitySchemes" {
				used = strings.Count(text, `"`+name+`"`) > 1
			}
			if !used {
				t.Errorf("nothing refers to %s %s", kind, name)
			}
		}
	}
}

// example names the schemas of which a dialect's golden bodies match one: an
// answer, or the forms that its errors have. Patterns and names are separated
// by |.
type example struct{ files, schemas string }

// bodies are the schemas of all golden bodies of all dialects; the first
// pattern that a file matches counts.
func bodies() map[string][]example {
	return map[string][]example{
		"native": {
			{"system*", "NativeSystem"}, {"account*", "NativeAccount"}, {"model_*", "NativeProblem"}, {"models*", "NativeModels"}, {"install*", "NativeModel"}, {"devices*", "NativeDevices"},
			{"list_*", "NativeListing"}, {"several*", "NativeBatch"}, {"accepted*|queued*|running*|succeeded*|failed*|canceled*", "NativeJob"},
			{"*", "NativeProblem"},
		},
		"mnml": {
			{"accepted*", "MnmlAccepted"}, {"credits*", "MnmlBalance"},
			{"starting*|processing*|success*|failed*|canceled*", "MnmlStatus"}, {"*", "MnmlProblem"},
		},
		"ailab": {
			{"success*", "AilabPicture"}, {"credits.json|credits_unlimited*", "AilabCredits"}, {"*", "AilabEnvelope"},
		},
		"maskr": {
			{"batch_no_files*|batch_too_*", "MaskrRefusal|Violations"}, {"batch*", "MaskrBatch"},
			{"completed*|processing*|pending*|failed*|canceled*", "MaskrEnvelope"}, {"*", "MaskrRefusal|Violations"},
		},
		"artnex": {{"success*", "ArtnexSuccess"}, {"*", "ArtnexRefusal"}},
		"aetherforge": {
			{"accepted*", "AetherforgeAccepted"}, {"pending*|succeed*|failed*", "AetherforgeProgress"}, {"*", "AetherforgeRefusal|Violations"},
		},
		"automatic1111": {
			{"single*", "Automatic1111Single"}, {"batch*", "Automatic1111Batch"}, {"upscalers*", "Automatic1111Upscalers"},
			{"models*", "Automatic1111Models"}, {"progress*", "Automatic1111Progress"}, {"list_restorers*", "Automatic1111Restorers"},
			{"list_samplers*", "Automatic1111Empty"}, {"list_*", "Automatic1111Object"}, {"options_set*", "Automatic1111Null"}, {"png_info*", "Automatic1111PngInfo"},
			{"*", "Automatic1111Problem|Automatic1111Detail"},
		},
		"cog": {
			{"cancel.json|not_found.json", "CogEmpty"}, {"ready.json", "CogHealth"},
			{"succeeded*|failed.json|canceled*|starting*|processing.json|ended.json|waited.json|webhook.json", "PredictionResponse"},
			{"*", "CogFailure|Violations"},
		},
		"stability": {
			{"fast.json", "StabilityImage"}, {"esrgan.json", "StabilityArtifacts"}, {"balance*", "StabilityBalance"}, {"*", "StabilityProblem"},
		},
		"openai": {{"base64.json|url.json", "OpenaiImages"}, {"*", "OpenaiError"}},
		"comfyui": {
			{"accepted*", "ComfyuiAccepted"}, {"uploaded*", "ComfyuiUploaded"}, {"status_*", "ComfyuiStatus"}, {"queue_*", "ComfyuiQueue"},
			{"history*", "ComfyuiHistory"}, {"object_info*", "ComfyuiNodes"}, {"system_stats*", "ComfyuiSystem"}, {"*", "ComfyuiRefusal"},
		},
		"replicate": {
			{"list_*", "ReplicatePredictions"}, {"model.json|model_*", "ReplicateModel"}, {"models.json", "ReplicateModels"},
			{"search*", "ReplicateFound"}, {"account*", "ReplicateAccount"}, {"hardware.json", "ReplicateHardware"},
			{"none.json", "ReplicateNone"}, {"files.json", "ReplicateFiles"},
			{"version.json", "ReplicateVersion"}, {"versions.json", "ReplicateVersions"},
			{"file.json|file_just_right*|file_text*|file_cat.json", "ReplicateFile"},
			{"canceled*|faces.json|failed_*|just_right*|processing*|starting*|succeeded*|waited*", "ReplicatePrediction"}, {"*", "ReplicateProblem"},
		},
	}
}

func (e example) matches(name string) bool {
	for pattern := range strings.SplitSeq(e.files, "|") {
		if found, _ := filepath.Match(pattern, name); found {
			return true
		}
	}
	return false
}

// placeholder stands in golden files for what differs from run to run.
var placeholder = regexp.MustCompile(`<[a-z ]+>`)

// What the dialects' own tests hold them to is what the document says.
func TestBodiesMatchTheirSchemas(t *testing.T) {
	t.Parallel()
	loaded := load(t)
	for name, examples := range bodies() {
		files, err := filepath.Glob(filepath.Join("..", "dialect", name, "testdata", "*.json"))
		if err != nil || len(files) < 10 {
			t.Fatalf("%s has %d golden bodies, %v", name, len(files), err)
		}
		used := map[int]bool{}
		for _, file := range files {
			at := slices.IndexFunc(examples, func(e example) bool { return e.matches(filepath.Base(file)) })
			used[at] = true
			if err := check(loaded, file, examples[at].schemas); err != nil {
				t.Errorf("%s is no %s: %v", file, examples[at].schemas, err)
			}
		}
		for at := range examples {
			if !used[at] {
				t.Errorf("%s has no body %s", name, examples[at].files)
			}
		}
	}
}

// check holds a file against schemas of which one must match.
func check(loaded *openapi3.T, file, schemas string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var body any
	if err := json.Unmarshal(placeholder.ReplaceAll(text, []byte("x")), &body); err != nil {
		return err
	}
	for name := range strings.SplitSeq(schemas, "|") {
		schema := loaded.Components.Schemas[name]
		if schema == nil {
			return fmt.Errorf("there is no schema %s", name)
		}
		if err = schema.Value.VisitJSON(body, openapi3.EnableJSONSchema2020()); err == nil {
			return nil
		}
	}
	return err
}
