package network

import "upscaled/engine/fault"

type ready struct{}

func (r *ready) graph(o Options) ([]byte, error) {
	return nil, fault.New(fault.Unsupported, "x")
}
