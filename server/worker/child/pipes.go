package child

import (
	"errors"
	"os"
)

// ends are one side's ends of the two pipes.
type ends struct{ requests, replies *os.File }

func (e ends) close() error { return errors.Join(e.requests.Close(), e.replies.Close()) }

// pair creates both pipes.
func pair() (ours, childEnds ends, err error) {
	if childEnds.requests, ours.requests, err = os.Pipe(); err != nil {
		return ends{}, ends{}, err
	}
	if ours.replies, childEnds.replies, err = os.Pipe(); err != nil {
		return ends{}, ends{}, errors.Join(err, childEnds.requests.Close(), ours.requests.Close())
	}
	return ours, childEnds, nil
}
