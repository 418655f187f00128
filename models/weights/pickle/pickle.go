// Package pickle decodes the data in Python pickles (protocols 2 to 5, see
// Python's pickletools) without executing them. A pickle is a program for a
// small stack machine whose REDUCE instruction calls any Python function; here
// the caller lists the few functions it understands, and any other name and any
// instruction not needed for data ends the decoding.
package pickle

import (
	"bufio"
	"fmt"
	"io"

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
// Global, Opaque, and results of the Machine's functions. They may be cyclic.
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
	d := &decoder{machine: m, r: r, memo: map[uint32]any{}}
	value, err := d.run()
	if err != nil && fault.KindOf(err) == fault.Internal {
		err = fault.Wrap(fault.Invalid, err, "The weights file is damaged or incomplete (its list of tensors cannot be read); download it again.")
	}
	return value, err
}

// decoder is the stack machine. marks holds the stack heights of the open MARK
// instructions.
type decoder struct {
	machine *Machine
	r       *bufio.Reader
	stack   []any
	marks   []int
	memo    map[uint32]any
	text    int
}

func (d *decoder) run() (any, error) {
	for range maxInstructions {
		op, err := d.r.ReadByte()
		if err != nil {
			return nil, unexpected(err)
		}
		if op == opStop {
			return d.pop()
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

func (d *decoder) push(value any) error {
	d.stack = append(d.stack, value)
	return nil
}

// floor returns the height that the innermost open MARK protects.
func (d *decoder) floor() int {
	if len(d.marks) == 0 {
		return 0
	}
	return d.marks[len(d.marks)-1]
}

func (d *decoder) pop() (any, error) {
	top := len(d.stack) - 1
	if top < d.floor() {
		return nil, errStack
	}
	value := d.stack[top]
	d.stack[top] = nil
	d.stack = d.stack[:top]
	return value, nil
}

func (d *decoder) top() (any, error) {
	if len(d.stack) <= d.floor() {
		return nil, errStack
	}
	return d.stack[len(d.stack)-1], nil
}

// popMark pops everything above the innermost MARK.
func (d *decoder) popMark() ([]any, error) {
	if len(d.marks) == 0 {
		return nil, errStack
	}
	height := d.floor()
	d.marks = d.marks[:len(d.marks)-1]
	values := append([]any(nil), d.stack[height:]...)
	clear(d.stack[height:])
	d.stack = d.stack[:height]
	return values, nil
}

// popN pops the n topmost values, the deepest first.
func (d *decoder) popN(n int) ([]any, error) {
	height := len(d.stack) - n
	if height < d.floor() {
		return nil, errStack
	}
	values := append([]any(nil), d.stack[height:]...)
	d.stack = d.stack[:height]
	return values, nil
}

var errStack = fmt.Errorf("pickle: an instruction finds too few values on the stack")

func unexpected(err error) error {
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("pickle: read: %w", err)
}
