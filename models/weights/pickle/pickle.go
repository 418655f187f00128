// Package pickle decodes the data in Python pickles (protocols 2 to 5, see
// Python's pickletools) without executing them. A pickle is a program for a
// small stack machine whose REDUCE instruction calls any Python function; here
// the caller lists the few functions it understands, and any other name and any
// instruction not needed for data ends the decoding.
package pickle

import (
	"bufio"

	"upscaled/models/fault"
)

// Limits on one pickle. Real weights files have about 40 instructions and 200
// bytes per tensor and at most a few thousand tensors.
const (
	maxInstructions = 2 << 20
	// maxText bounds the total length of all strings of a pickle, in bytes.
	maxText = 64 << 20
	// maxString bounds a single string.
	maxString = 1 << 20
	// maxName bounds a module's or function's name.
	maxName = 256
)

// Values are nil, bool, int64, float64, string, []byte, Tuple, *List, *Dict,
// Global, *Object, Opaque, and results of the Machine's functions. They may be cyclic.
type (
	// Tuple is a Python tuple.
	Tuple []any
	// List is a Python list.
	List struct{ Items []any }
	// Dict holds the entries with string keys; others are dropped, because no
	// weights are stored under them.
	Dict struct{ Entries map[string]any }
	// Global is the name of a Python function or class.
	Global struct{ Module, Name string }
	// Object is an object of a class that the caller knows by its attributes only. State
	// is set by a BUILD instruction.
	Object struct{ State any }
	// Opaque replaces a value that is not needed, such as a huge integer.
	Opaque struct{}
)

// String returns the dotted Python name.
func (g Global) String() string { return g.Module + "." + g.Name }

// Set adds or replaces an entry.
func (d *Dict) Set(key, value any) {
	name, ok := key.(string)
	if !ok {
		return
	}
	if d.Entries == nil {
		d.Entries = map[string]any{}
	}
	d.Entries[name] = value
}

// Machine supplies the functions that a pickle may use.
type Machine struct {
	// Allowed reports whether a name may appear at all.
	Allowed func(Global) bool
	// Call evaluates an allowed name applied to arguments.
	Call func(Global, Tuple) (any, error)
	// Persistent resolves a persistent ID.
	Persistent func(id any) (any, error)
}

// Decode reads one pickle and leaves r after its last byte. Every error is a
// fault.Invalid that names the rejected name or instruction, or the damage.
func (m *Machine) Decode(r *bufio.Reader) (any, error) {
	d := &decoder{machine: m, in: input{Reader: r}, memo: map[uint32]any{}}
	value, err := d.run()
	if err != nil && fault.KindOf(err) == fault.Internal {
		err = fault.Wrap(fault.Invalid, err, "The weights file is damaged or incomplete (its list of tensors cannot be read); download it again.")
	}
	return value, err
}

// decoder is the stack machine.
type decoder struct {
	machine *Machine
	in      input
	stack   stack
	memo    map[uint32]any
}

func (d *decoder) run() (any, error) {
	for range maxInstructions {
		op, err := d.in.ReadByte()
		if err != nil {
			return nil, unexpected(err)
		}
		if op == opStop {
			return d.stack.pop()
		}
		if err := d.step(op); err != nil {
			return nil, err
		}
	}
	return nil, fault.New(fault.Invalid, "The weights file describes its tensors in more than %d steps; it is rejected.", maxInstructions)
}

// step tries each group of instructions in turn.
func (d *decoder) step(op byte) error {
	for _, group := range [...]func(*decoder, byte) (bool, error){
		(*decoder).memory, (*decoder).scalar, (*decoder).strings, (*decoder).container, (*decoder).object,
	} {
		if known, err := group(d, op); known {
			return err
		}
	}
	return fault.New(fault.Invalid, "The weights file contains the pickle instruction 0x%02x, which no weights file needs; it is rejected for safety.", op)
}
