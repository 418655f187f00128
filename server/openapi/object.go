package openapi

import (
	"bytes"
	"encoding/json"
	"fmt"

	"go.yaml.in/yaml/v3"
)

// object is a mapping of the document, whose keys keep the order in which they
// were written: readers meet things in the order that the author chose. All
// methods take nil for an empty one, and reading what is not there gives zero
// values: the page then shows less.
type object struct {
	keys   []string
	values map[string]any // *object, []any, string, bool, int, float64 or nil
}

func (o *object) set(key string, value any) {
	if o.values == nil {
		o.values = map[string]any{}
	}
	if _, known := o.values[key]; !known {
		o.keys = append(o.keys, key)
	}
	o.values[key] = value
}

func (o *object) get(key string) any {
	if o == nil {
		return nil
	}
	return o.values[key]
}

func (o *object) has(key string) bool {
	if o == nil {
		return false
	}
	_, known := o.values[key]
	return known
}

// names are the keys in their order.
func (o *object) names() []string {
	if o == nil {
		return nil
	}
	return o.keys
}

func (o *object) object(key string) *object {
	inner, _ := o.get(key).(*object)
	return inner
}

// objects gives those of a list.
func (o *object) objects(key string) []*object {
	list, _ := o.get(key).([]any)
	var all []*object
	for _, item := range list {
		if inner, ok := item.(*object); ok {
			all = append(all, inner)
		}
	}
	return all
}

func (o *object) text(key string) string {
	text, _ := o.get(key).(string)
	return text
}

// words gives what is in a list, as texts.
func (o *object) words(key string) []string {
	list, _ := o.get(key).([]any)
	var all []string
	for _, item := range list {
		all = append(all, fmt.Sprint(item))
	}
	return all
}

// MarshalJSON keeps the order.
func (o *object) MarshalJSON() ([]byte, error) {
	var out bytes.Buffer
	out.WriteByte('{')
	for i, key := range o.names() {
		if i > 0 {
			out.WriteByte(',')
		}
		name, err := json.Marshal(key)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(o.values[key])
		if err != nil {
			return nil, err
		}
		out.Write(append(append(name, ':'), value...))
	}
	out.WriteByte('}')
	return out.Bytes(), nil
}

// parse reads YAML whose top is a mapping.
func parse(text []byte) (*object, error) {
	var root yaml.Node
	if err := yaml.Unmarshal(text, &root); err != nil {
		return nil, err
	}
	if len(root.Content) != 1 {
		return nil, fmt.Errorf("it is empty")
	}
	value, err := valueOf(root.Content[0])
	if err != nil {
		return nil, err
	}
	top, ok := value.(*object)
	if !ok {
		return nil, fmt.Errorf("it is no mapping")
	}
	return top, nil
}

func valueOf(n *yaml.Node) (any, error) {
	switch n.Kind {
	case yaml.AliasNode:
		return valueOf(n.Alias)
	case yaml.SequenceNode:
		all := []any{}
		for _, item := range n.Content {
			value, err := valueOf(item)
			if err != nil {
				return nil, err
			}
			all = append(all, value)
		}
		return all, nil
	case yaml.MappingNode:
		return objectOf(n)
	}
	var value any
	if err := n.Decode(&value); err != nil {
		return nil, fmt.Errorf("line %d: %w", n.Line, err)
	}
	return value, nil
}

func objectOf(n *yaml.Node) (*object, error) {
	all := &object{values: map[string]any{}}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i].Value
		if all.has(key) {
			return nil, fmt.Errorf("line %d: %s is there twice", n.Content[i].Line, key)
		}
		value, err := valueOf(n.Content[i+1])
		if err != nil {
			return nil, err
		}
		all.set(key, value)
	}
	return all, nil
}
