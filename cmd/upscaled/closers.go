package main

import "errors"

// closers holds functions that release resources when the program ends.
type closers []func() error

// onClose registers a function that close calls.
func (c *closers) onClose(release func() error) { *c = append(*c, release) }

// close calls the functions, newest first.
func (c *closers) close() error {
	var all []error
	for len(*c) > 0 {
		last := len(*c) - 1
		all = append(all, (*c)[last]())
		*c = (*c)[:last]
	}
	return errors.Join(all...)
}
