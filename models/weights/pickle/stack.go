package pickle

import "errors"

// stack holds the values of the machine. marks are its heights at the open MARK
// instructions.
type stack struct {
	values []any
	marks  []int
}

func (s *stack) push(value any) error {
	s.values = append(s.values, value)
	return nil
}

// floor returns the height that the innermost open MARK protects.
func (s *stack) floor() int {
	if len(s.marks) == 0 {
		return 0
	}
	return s.marks[len(s.marks)-1]
}

func (s *stack) mark() { s.marks = append(s.marks, len(s.values)) }

// drop removes the topmost value or, if there is none above it, a MARK.
func (s *stack) drop() error {
	if len(s.marks) > 0 && len(s.values) == s.floor() {
		s.marks = s.marks[:len(s.marks)-1]
		return nil
	}
	_, err := s.pop()
	return err
}

func (s *stack) pop() (any, error) {
	top := len(s.values) - 1
	if top < s.floor() {
		return nil, errStack
	}
	value := s.values[top]
	s.values[top] = nil
	s.values = s.values[:top]
	return value, nil
}

func (s *stack) top() (any, error) {
	if len(s.values) <= s.floor() {
		return nil, errStack
	}
	return s.values[len(s.values)-1], nil
}

// popMark pops everything above the innermost MARK.
func (s *stack) popMark() ([]any, error) {
	if len(s.marks) == 0 {
		return nil, errStack
	}
	height := s.floor()
	s.marks = s.marks[:len(s.marks)-1]
	values := append([]any(nil), s.values[height:]...)
	clear(s.values[height:])
	s.values = s.values[:height]
	return values, nil
}

// popN pops the n topmost values, the deepest first.
func (s *stack) popN(n int) ([]any, error) {
	height := len(s.values) - n
	if height < s.floor() {
		return nil, errStack
	}
	values := append([]any(nil), s.values[height:]...)
	s.values = s.values[:height]
	return values, nil
}

var errStack = errors.New("pickle: an instruction finds too few values on the stack")
