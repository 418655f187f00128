package main

import (
	"errors"
	"slices"
)

// closers holds functions that release resources when the program ends.
type closers []func() error

// onClose registers a function that close calls.
func (c *closers) onClose(release func() error) { *c = append(*c, release) }

// close calls the functions, newest first.
func (c *closers) close() error {
	var all []error
	for _, release := range slices.Backward(*c) {
		all = append(all, release())
	}
	*c = nil
	return errors.Join(all...)
}
