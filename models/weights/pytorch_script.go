package weights

import (
	"strings"

	"upscaled/models/weights/pickle"
)

// A TorchScript archive (torch.jit.save) holds a model as objects of its own classes,
// under code/, and their attributes, in data.pkl. Only the attributes are read: modules
// by their names, down to tensors. Nothing of the code is looked at.

// scriptModule is the root of the classes' names.
const scriptModule = "__torch__"

func isScriptClass(g pickle.Global) bool {
	return g.Module == scriptModule || strings.HasPrefix(g.Module, scriptModule+".")
}

// isScriptValue reports whether a function returns its first argument, such as a list
// of numbers.
func isScriptValue(g pickle.Global) bool { return g.Module == "torch.jit._pickle" }

func scriptAllows(g pickle.Global) bool {
	return torchAllows(g) || isScriptClass(g) || isScriptValue(g)
}

func scriptCall(g pickle.Global, arguments pickle.Tuple) (any, error) {
	switch {
	case isScriptClass(g):
		return &pickle.Object{}, nil
	case isScriptValue(g):
		return first(arguments)
	}
	return torchCall(g, arguments)
}

// parametersOf returns the tensors of a module and the modules in it, named as in a
// state_dict.
func parametersOf(module *pickle.Object) *pickle.Dict {
	found := &pickle.Dict{}
	seen := map[*pickle.Object]bool{} // objects may be cyclic
	var walk func(prefix string, o *pickle.Object)
	walk = func(prefix string, o *pickle.Object) {
		attributes, ok := o.State.(*pickle.Dict)
		if !ok || seen[o] || len(prefix) > maxName || len(found.Entries) > maxTensors {
			return
		}
		seen[o] = true
		for name, value := range attributes.Entries {
			switch value := value.(type) {
			case *pickle.Object:
				walk(prefix+name+".", value)
			case *tensorReference:
				found.Set(prefix+name, value)
			}
		}
	}
	walk("", module)
	return found
}
