package pickle

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"

	"upscaled/models/fault"
)

// Instruction codes (CPython, Lib/pickle.py).
const (
	opStop = '.'

	opPop, opPopMark, opMark               = '0', '1', '('
	opBinGet, opLongBinGet                 = 'h', 'j'
	opBinPut, opLongBinPut, opMemoize      = 'q', 'r', 0x94
	opProto, opFrame                       = 0x80, 0x95
	opNone, opTrue, opFalse                = 'N', 0x88, 0x89
	opBinInt, opBinInt1, opBinInt2         = 'J', 'K', 'M'
	opLong1, opLong4, opBinFloat           = 0x8a, 0x8b, 'G'
	opBinString, opShortBinString          = 'T', 'U'
	opBinUnicode, opShortBinUnicode        = 'X', 0x8c
	opBinUnicode8                          = 0x8d
	opBinBytes, opShortBinBytes            = 'B', 'C'
	opBinBytes8                            = 0x8e
	opEmptyTuple, opTuple                  = ')', 't'
	opTuple1, opTuple2, opTuple3           = 0x85, 0x86, 0x87
	opEmptyList, opList                    = ']', 'l'
	opAppend, opAppends                    = 'a', 'e'
	opEmptyDict, opDict                    = '}', 'd'
	opSetItem, opSetItems                  = 's', 'u'
	opGlobal, opStackGlobal                = 'c', 0x93
	opReduce, opNewObject, opBuild         = 'R', 0x81, 'b'
	opBinPersID                            = 'Q'
	newestProtocol                    byte = 5
)

// memory handles the memo, the marks and the framing.
func (d *decoder) memory(op byte) (bool, error) {
	switch op {
	case opMark:
		d.stack.mark()
		return true, nil
	case opPop:
		return true, d.stack.drop()
	case opPopMark:
		_, err := d.stack.popMark()
		return true, err
	case opBinGet:
		return true, d.get(1)
	case opLongBinGet:
		return true, d.get(4)
	case opBinPut:
		return true, d.put(1)
	case opLongBinPut:
		return true, d.put(4)
	case opMemoize:
		value, err := d.stack.top()
		d.memo[uint32(len(d.memo))] = value
		return true, err
	case opProto:
		version, err := d.in.unsigned(1)
		if err == nil && byte(version) > newestProtocol {
			err = fault.New(fault.Unsupported, "The weights file uses pickle protocol %d; protocols up to %d can be read.", version, newestProtocol)
		}
		return true, err
	case opFrame: // only a hint for buffering
		_, err := d.in.unsigned(8)
		return true, err
	}
	return false, nil
}

func (d *decoder) get(width int) error {
	index, err := d.in.unsigned(width)
	if err != nil {
		return err
	}
	value, ok := d.memo[uint32(index)]
	if !ok {
		return fmt.Errorf("pickle: nothing is remembered as %d", index)
	}
	return d.stack.push(value)
}

func (d *decoder) put(width int) error {
	index, err := d.in.unsigned(width)
	if err != nil {
		return err
	}
	value, err := d.stack.top()
	d.memo[uint32(index)] = value
	return err
}

// scalar handles numbers and constants.
func (d *decoder) scalar(op byte) (bool, error) {
	switch op {
	case opNone:
		return true, d.stack.push(nil)
	case opTrue, opFalse:
		return true, d.stack.push(op == opTrue)
	case opBinInt1:
		return true, d.integer(1)
	case opBinInt2:
		return true, d.integer(2)
	case opBinInt:
		value, err := d.in.unsigned(4)
		if err != nil {
			return true, err
		}
		return true, d.stack.push(int64(int32(value)))
	case opLong1:
		return true, d.long(1)
	case opLong4:
		return true, d.long(4)
	case opBinFloat:
		var raw [8]byte
		if _, err := io.ReadFull(d.in.Reader, raw[:]); err != nil {
			return true, unexpected(err)
		}
		return true, d.stack.push(math.Float64frombits(binary.BigEndian.Uint64(raw[:])))
	}
	return false, nil
}

func (d *decoder) integer(width int) error {
	value, err := d.in.unsigned(width)
	if err != nil {
		return err
	}
	return d.stack.push(int64(value))
}

// long reads a length and a two's complement little-endian integer; one beyond
// 64 bits becomes Opaque.
func (d *decoder) long(width int) error {
	length, err := d.in.unsigned(width)
	if err != nil {
		return err
	}
	raw, err := d.in.take(length)
	if err != nil {
		return err
	}
	if len(raw) > 8 {
		return d.stack.push(Opaque{})
	}
	var full [8]byte
	if copy(full[:], raw); len(raw) > 0 && raw[len(raw)-1]&0x80 != 0 {
		for i := len(raw); i < 8; i++ {
			full[i] = 0xff
		}
	}
	return d.stack.push(int64(binary.LittleEndian.Uint64(full[:])))
}
