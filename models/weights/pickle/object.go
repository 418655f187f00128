package pickle

import (
	"fmt"

	"upscaled/models/fault"
)

// strings handles text and byte strings. Python 2 pickles text as byte strings
// (BINSTRING), so those become strings too.
func (d *decoder) strings(op byte) (bool, error) {
	var width int
	switch op {
	case opShortBinString, opShortBinUnicode, opShortBinBytes:
		width = 1
	case opBinString, opBinUnicode, opBinBytes:
		width = 4
	case opBinUnicode8, opBinBytes8:
		width = 8
	default:
		return false, nil
	}
	length, err := d.in.unsigned(width)
	if err != nil {
		return true, err
	}
	raw, err := d.in.take(length)
	if err != nil {
		return true, err
	}
	if op == opShortBinBytes || op == opBinBytes || op == opBinBytes8 {
		return true, d.stack.push(raw)
	}
	return true, d.stack.push(string(raw))
}

// container handles tuples, lists and dictionaries.
func (d *decoder) container(op byte) (bool, error) {
	switch op {
	case opEmptyTuple:
		return true, d.stack.push(Tuple(nil))
	case opTuple1, opTuple2, opTuple3:
		items, err := d.stack.popN(int(op-opTuple1) + 1)
		if err != nil {
			return true, err
		}
		return true, d.stack.push(Tuple(items))
	case opEmptyList:
		return true, d.stack.push(&List{})
	case opEmptyDict:
		return true, d.stack.push(&Dict{})
	case opAppend, opSetItem:
		count := 1
		if op == opSetItem {
			count = 2
		}
		items, err := d.stack.popN(count)
		if err != nil {
			return true, err
		}
		return true, d.extend(items)
	case opTuple, opList, opDict, opAppends, opSetItems:
		items, err := d.stack.popMark()
		if err != nil {
			return true, err
		}
		return true, d.collect(op, items)
	}
	return false, nil
}

// collect finishes an instruction that takes all items above a MARK.
func (d *decoder) collect(op byte, items []any) error {
	switch op {
	case opTuple:
		return d.stack.push(Tuple(items))
	case opList:
		return d.stack.push(&List{Items: items})
	case opDict:
		d.stack.values = append(d.stack.values, &Dict{})
	}
	return d.extend(items)
}

// extend adds items to the list on top of the stack, or key and value pairs to
// the dictionary there.
func (d *decoder) extend(items []any) error {
	target, err := d.stack.top()
	if err != nil {
		return err
	}
	switch target := target.(type) {
	case *List:
		target.Items = append(target.Items, items...)
		return nil
	case *Dict:
		if len(items)%2 != 0 {
			return fmt.Errorf("pickle: a dictionary key has no value")
		}
		for i := 0; i < len(items); i += 2 {
			target.Set(items[i], items[i+1])
		}
		return nil
	}
	return fmt.Errorf("pickle: items are added to a value that is not a container")
}

// object handles names, calls and persistent IDs.
func (d *decoder) object(op byte) (bool, error) {
	switch op {
	case opGlobal:
		module, err := d.in.line()
		if err != nil {
			return true, err
		}
		name, err := d.in.line()
		if err != nil {
			return true, err
		}
		return true, d.global(module, name)
	case opStackGlobal:
		pair, err := d.stack.popN(2)
		if err != nil {
			return true, err
		}
		module, isModule := pair[0].(string)
		name, isName := pair[1].(string)
		if !isModule || !isName || len(module) > maxName || len(name) > maxName {
			return true, fmt.Errorf("pickle: a name is not a short text")
		}
		return true, d.global(module, name)
	case opReduce, opNewObject:
		return true, d.call()
	case opBuild:
		state, err := d.stack.pop()
		if err != nil {
			return true, err
		}
		target, err := d.stack.top()
		// Other state (an OrderedDict's _metadata) is not needed.
		if object, ok := target.(*Object); ok {
			object.State = state
		}
		return true, err
	case opBinPersID:
		id, err := d.stack.pop()
		if err != nil {
			return true, err
		}
		value, err := d.machine.Persistent(id)
		if err != nil {
			return true, err
		}
		return true, d.stack.push(value)
	}
	return false, nil
}

func (d *decoder) global(module, name string) error {
	g := Global{Module: module, Name: name}
	//guard:pickle-globals TestReadPyTorchNamesWhatItRefuses
	if !d.machine.Allowed(g) {
		return fault.New(fault.Invalid, "The weights file asks Python for %q, which no plain weights file needs; it is rejected for safety. Save only the model's state_dict and try again.", g.String())
	}
	return d.stack.push(g)
}

func (d *decoder) call() error {
	pair, err := d.stack.popN(2)
	if err != nil {
		return err
	}
	g, isGlobal := pair[0].(Global)
	arguments, isTuple := pair[1].(Tuple)
	if !isGlobal || !isTuple {
		return fmt.Errorf("pickle: something other than a name is called")
	}
	value, err := d.machine.Call(g, arguments)
	if err != nil {
		return err
	}
	return d.stack.push(value)
}
