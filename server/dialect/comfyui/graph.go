package comfyui

import (
	_ "embed" // of nodes.json
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"upscaled/server/dialect"
	"upscaled/server/job"
)

// nodesJSON is the vendor's object_info of the nodes that graphs may have.
//
//go:embed nodes.json
var nodesJSON []byte

// class is the vendor's description of a kind of node.
type class map[string]any

// classes returns all kinds of nodes, with the files of the models.
func classes(models []dialect.Model) (all map[string]class) {
	_ = json.Unmarshal(nodesJSON, &all) // the tests check it
	all["UpscaleModelLoader"]["input"] = map[string]any{"required": map[string]any{"model_name": []any{fileNames(models), struct{}{}}}}
	return all
}

// fileNames returns the names of models' files as their authors spell them.
func fileNames(models []dialect.Model) []string {
	names := make([]string, len(models))
	for i, m := range models {
		names[i] = m.Name + ".pth"
		if rest, official := strings.CutPrefix(names[i], "realesrgan-"); official {
			names[i] = "RealESRGAN_" + strings.NewReplacer("-", "_", "6b", "6B").Replace(rest)
		}
	}
	return names
}

// graph is a client's graph. Problems are collected by node.
type graph struct {
	nodes map[string]struct {
		Class  string         `json:"class_type"`
		Inputs map[string]any `json:"inputs"`
	}
	chains  []*chain
	classes map[string]class
	models  []dialect.Model // none if this process does not know them
	load    loader
	err     error // of load, if it is no fault of the image
	errors  map[string]*NodeErrors
	output  string // that is being validated
}

// loader describes the input image of a name.
type loader func(name string) (job.InputInfo, error)

// chain is how an image is made: by nodes, LoadImage first, of which work takes the
// time, and a job of an input and options; and the outputs that save it.
type chain struct {
	nodes, outputs []string
	work           string
	spec           job.Spec
	width, height  int // in pixels; exact
}

// missing is the type of the problem of an unknown kind of node.
const missing = "missing_node_type"

// parse returns a graph with its chains, in the order of their first outputs.
func parse(text []byte, classes map[string]class, models []dialect.Model, load loader) *graph {
	g := &graph{classes: classes, models: models, load: load, errors: map[string]*NodeErrors{}}
	if len(text) > maxGraph || json.Unmarshal(text, &g.nodes) != nil {
		g.err = refusal(http.StatusBadRequest, "no_prompt", "The prompt must be an object of nodes, of at most 64 KiB.")
	}
	ids := slices.Sorted(maps.Keys(g.nodes))
	for _, id := range ids {
		if kind := g.nodes[id].Class; g.classes[kind] == nil {
			g.add(id, Problem{missing, "Node '" + kind + "' not found. The custom node may not be installed.", "Node ID '#" + id + "'",
				map[string]any{"node_id": id, "class_type": kind, "node_title": kind}})
		}
	}
	if len(g.errors) > 0 { // as with the vendor, which then validates nothing else
		return g
	}
	for _, id := range ids {
		if g.classes[g.nodes[id].Class]["output_node"] == true && len(g.chains) <= maxJobs {
			g.addOutput(id)
		}
	}
	return g
}

func (g *graph) addOutput(id string) {
	g.output = id
	if _, prefix := g.saves(id); len(prefix) > maxText || strings.ContainsAny(prefix, "\\:*?\"<>|\r\n") || strings.Contains("/"+prefix+"/", "/../") {
		g.wrong(id, "filename_prefix", "it cannot begin a file's name")
	}
	last := g.link(id, "images", "IMAGE")
	for _, c := range g.chains {
		if c.nodes[len(c.nodes)-1] == last {
			c.outputs = append(c.outputs, id)
			return
		}
	}
	if c := g.eval(last); c != nil {
		c.outputs = []string{id}
		if g.chains = append(g.chains, c); len(g.chains) > maxJobs {
			g.wrong(id, "images", "a prompt can make at most 20 images")
		}
	}
}

// saves returns the kind of folder that an output node saves an image in, and the
// beginning of its name.
func (g *graph) saves(output string) (kind, prefix string) {
	if g.nodes[output].Class == "PreviewImage" {
		return "temp", "ComfyUI_temp"
	}
	if prefix, given := g.nodes[output].Inputs["filename_prefix"].(string); given {
		return "output", prefix
	}
	return "output", "ComfyUI"
}

// eval returns how a node's image is made, or nil if there is a problem. after are the
// nodes that need it.
func (g *graph) eval(id string, after ...string) (c *chain) {
	switch g.nodes[id].Class {
	case "": // no link
	case "LoadImage":
		return g.loadImage(id)
	default:
		from := g.link(id, "image", "IMAGE")
		if after = append(after, id); slices.Contains(after, from) {
			g.wrong(id, "image", "the graph has a cycle")
		} else if c = g.eval(from, after...); c != nil {
			g.run(c, id)
		}
	}
	return c
}

// link returns the node that an input is connected to, or "" if it is not, to an
// output of a kind.
func (g *graph) link(id, input, kind string) string {
	parts, _ := g.nodes[id].Inputs[input].([]any)
	if len(parts) == 2 {
		from, _ := parts[0].(string)
		slot, is := parts[1].(float64)
		outputs, _ := g.classes[g.nodes[from].Class]["output"].([]any)
		if is && slot >= 0 && slot < float64(len(outputs)) && outputs[int(slot)] == kind {
			return from
		}
	}
	g.wrong(id, input, "it must be a list of a node's ID and the number of its output of type "+kind)
	return ""
}

// number returns a number between bounds, which clients may send as a string.
func (g *graph) number(id, input string, least, most float64) float64 {
	n, err := strconv.ParseFloat(fmt.Sprint(g.nodes[id].Inputs[input]), 64)
	if err != nil || !(n >= least && n <= most) {
		g.wrong(id, input, fmt.Sprintf("it must be a number from %v to %v", least, most))
		return 1
	}
	return n
}

// text returns one of some texts.
func (g *graph) text(id, input string, values ...string) string {
	value, _ := g.nodes[id].Inputs[input].(string)
	if !slices.Contains(values, value) {
		g.add(id, Problem{"value_not_in_list", "Value not in list",
			fmt.Sprintf("%s: '%v' not in ['%s']", input, g.nodes[id].Inputs[input], strings.Join(values, "', '")), g.received(id, input)})
	}
	return value
}

// wrong adds a problem of an input, in the form of the vendor's nodes that validate
// themselves.
func (g *graph) wrong(id, input, why string) {
	g.add(id, Problem{"custom_validation_failed", "Custom validation failed for node", input + " - " + why, g.received(id, input)})
}

func (g *graph) received(id, input string) map[string]any {
	return map[string]any{"input_name": input, "received_value": g.nodes[id].Inputs[input]}
}

// add adds a problem of a node.
func (g *graph) add(id string, p Problem) {
	e := g.errors[id]
	if e == nil {
		e = &NodeErrors{Dependent: []string{}, Class: g.nodes[id].Class}
		g.errors[id] = e
	}
	if !slices.ContainsFunc(e.Errors, func(known Problem) bool { return known.Details == p.Details }) {
		e.Errors = append(e.Errors, p)
	}
	if g.output != "" && !slices.Contains(e.Dependent, g.output) {
		e.Dependent = append(e.Dependent, g.output)
	}
}

// refuse returns why a prompt cannot be accepted, or nil.
func (g *graph) refuse() error {
	r := refusal(http.StatusBadRequest, "prompt_outputs_failed_validation", "Prompt outputs failed validation")
	r.Nodes = g.errors
	for _, id := range slices.Sorted(maps.Keys(g.errors)) {
		for _, p := range g.errors[id].Errors {
			if p.Type == missing {
				r.Problem = p
				return r
			}
			r.Problem.Details = strings.TrimSpace(r.Problem.Details + "\n" + p.Message + ": " + p.Details)
		}
	}
	switch {
	case g.err != nil || len(g.errors) == 0 && len(g.chains) > 0:
		return g.err
	case len(g.errors) > 0:
		return r
	}
	return refusal(http.StatusBadRequest, "prompt_no_outputs", "Prompt has no outputs")
}
