package child

import (
	"errors"
	"os"
)

// ends are one side's ends of the two pipes.
type ends struct{ requests, replies *os.File }

func (e ends) close() error { return errors.Join(e.requests.Close(), e.replies.Close()) }

// pair makes both pipes.
func pair() (ours, theirs ends, err error) {
	if theirs.requests, ours.requests, err = os.Pipe(); err != nil {
		return ends{}, ends{}, err
	}
	if ours.replies, theirs.replies, err = os.Pipe(); err != nil {
		return ends{}, ends{}, errors.Join(err, theirs.requests.Close(), ours.requests.Close())
	}
	return ours, theirs, nil
}
