package network

// Measured peaks, in tenths of a tensor of all features (see bytes of each
// network).
const (
	compactTensors  = 24
	residualTensors = 28
)
