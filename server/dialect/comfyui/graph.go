package comfyui

import (
	_ "embed" // of nodes.json
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"

	"upscaled/models"
	"upscaled/server/dialect"
)

// nodesJSON is the vendor's object_info of the nodes that graphs may have.
//
//go:embed nodes.json
var nodesJSON []byte

// class is the vendor's description of a kind of node.
type class map[string]any

// classes returns all kinds of nodes, with the files of the models.
func classes(upscalers []dialect.Model) map[string]class {
	var all map[string]class
	_ = json.Unmarshal(nodesJSON, &all) // the tests check it
	all["UpscaleModelLoader"]["input"] = map[string]any{"required": map[string]any{"model_name": []any{fileNames(upscalers), struct{}{}}}}
	return all
}

// fileNames returns the names of models' files as their authors spell them.
func fileNames(all []dialect.Model) []string {
	names := make([]string, len(all))
	for i, m := range all {
		names[i] = m.Name + ".pth"
		if rest, official := strings.CutPrefix(names[i], "realesrgan-"); official {
			names[i] = "RealESRGAN_" + strings.NewReplacer("-", "_", "6b", "6B").Replace(rest)
		}
	}
	return names
}

// node is one node of a client's graph.
type node struct {
	Class  string         `json:"class_type"`
	Inputs map[string]any `json:"inputs"`
}

// graph is a prompt that is being validated. Problems are collected by node, each
// with the outputs that need it.
type graph struct {
	nodes  map[string]node
	errors map[string]*NodeErrors
	output string          // the one that is being validated
	models []dialect.Model // none if this process does not know them
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

// wrong adds a problem of an input, in the form of the vendor's nodes that validate
// themselves.
func (g *graph) wrong(id, input, why string) {
	g.add(id, Problem{"custom_validation_failed", "Custom validation failed for node", input + " - " + why,
		map[string]any{"input_name": input, "received_value": g.nodes[id].Inputs[input]}})
}

// refuse returns the problems of all nodes as one error, or nil.
func (g *graph) refuse() error {
	r := refusal(http.StatusBadRequest, "prompt_outputs_failed_validation", "Prompt outputs failed validation")
	for _, id := range slices.Sorted(maps.Keys(g.errors)) {
		for _, p := range g.errors[id].Errors {
			if r.Problem.Details += p.Message + ": " + p.Details + "\n"; p.Type == missing {
				r.Problem = p // as with the vendor, which then validates nothing else
				r.Nodes = g.errors
				return r
			}
		}
	}
	if len(g.errors) == 0 {
		return nil
	}
	r.Problem.Details, r.Nodes = strings.TrimSpace(r.Problem.Details), g.errors
	return r
}

// missing is the vendor's type of the problem of an unknown kind of node.
const missing = "missing_node_type"

// outputs returns the IDs of the output nodes in order, if the graph has no nodes of
// unknown kinds.
func (g *graph) outputs() (ids []string, err error) {
	known := classes(nil)
	for _, id := range slices.Sorted(maps.Keys(g.nodes)) {
		kind := g.nodes[id].Class
		if known[kind] == nil {
			g.add(id, Problem{missing, "Node '" + kind + "' not found. The custom node may not be installed.", "Node ID '#" + id + "'",
				map[string]any{"node_id": id, "class_type": kind, "node_title": kind}})
		} else if known[kind]["output_node"] == true {
			ids = append(ids, id)
		}
	}
	if err := g.refuse(); err != nil {
		return nil, err
	}
	if len(ids) == 0 {
		return nil, refusal(http.StatusBadRequest, "prompt_no_outputs", "Prompt has no outputs")
	}
	return ids, nil
}

// chain returns the nodes that an output needs, LoadImage first; none if there is a
// problem.
func (g *graph) chain(output string) (ids []string) {
	g.output = output
	for id, input := output, "images"; g.nodes[id].Class != "LoadImage"; input = "image" {
		from := g.link(id, input, "IMAGE")
		if slices.Contains(ids, from) {
			g.wrong(id, input, "the graph has a cycle")
			return nil
		}
		if id = from; id == "" {
			return nil
		}
		ids = append(ids, id)
	}
	slices.Reverse(ids)
	return ids
}

// link returns the node that an input is connected to, or "" if it is not, to an
// output of a kind.
func (g *graph) link(id, input, kind string) string {
	parts, _ := g.nodes[id].Inputs[input].([]any)
	if len(parts) == 2 {
		from, _ := parts[0].(string)
		slot, is := parts[1].(float64)
		outputs, _ := classes(nil)[g.nodes[from].Class]["output"].([]any)
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
	if err != nil || math.IsNaN(n) || n < least || n > most {
		g.wrong(id, input, fmt.Sprintf("it must be a number from %v to %v", least, most))
		return 1
	}
	return n
}

// text returns one of some texts.
func (g *graph) text(id, input string, values ...string) string {
	value, _ := g.nodes[id].Inputs[input].(string)
	if !slices.Contains(values, value) {
		g.add(id, Problem{"value_not_in_list", "Value not in list", fmt.Sprintf("%s: '%v' not in ['%s']", input, g.nodes[id].Inputs[input], strings.Join(values, "', '")),
			map[string]any{"input_name": input, "received_value": g.nodes[id].Inputs[input]}})
	}
	return value
}

// model returns the model of a loader's file: case, spaces and punctuation of its
// name do not matter. A process that knows no models takes it for one whose scale
// is in its name.
func (g *graph) model(id string) dialect.Model {
	const input = "model_name"
	file, _ := g.nodes[id].Inputs[input].(string)
	base := path.Base(strings.ReplaceAll(file, `\`, "/"))
	name := strings.TrimSuffix(base, path.Ext(base))
	for _, m := range g.models {
		if models.SameName(m.Name, name) || models.SameName(m.Name, base) {
			return m
		}
	}
	for scale := 1; scale <= 8 && len(g.models) == 0; scale++ {
		if digit := strconv.Itoa(scale); strings.Contains(name, digit+"x") || strings.Contains(name, "x"+digit) {
			return dialect.Model{Name: name, Scale: scale}
		}
	}
	g.text(id, input, fileNames(g.models)...)
	return dialect.Model{Scale: 1}
}
