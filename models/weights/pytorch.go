package weights

import (
	"bytes"
	"io"
	"strings"

	"upscaled/models/fault"
	"upscaled/models/weights/pickle"
)

// ReadPyTorch reads weights written by torch.save: the zip format (PyTorch 1.6
// and later) or the older format of bare pickles. Only data is decoded; a file
// that uses any Python function other than the few that rebuild tensors is
// fault.Invalid, as is a damaged one. TorchScript archives are
// fault.Unsupported.
//
// Of several sets of weights the first of params_ema, params, state_dict,
// model_state_dict, model, generator and g_ema is read, otherwise the top-level
// dictionary. A "module." before every name (DataParallel) is dropped.
func ReadPyTorch(r io.ReaderAt, size int64) (Tensors, error) {
	var start [len(zipMagic)]byte
	if _, err := r.ReadAt(start[:], 0); err != nil && err != io.EOF {
		return nil, damaged(err, "it cannot be read")
	}
	var (
		root any
		load storageLoader
		err  error
	)
	if bytes.Equal(start[:], []byte(zipMagic)) {
		root, load, err = openPyTorchZip(r, size)
	} else {
		root, load, err = openPyTorchLegacy(r, size)
	}
	if err != nil {
		return nil, err
	}
	references, err := selectWeights(root)
	if err != nil {
		return nil, err
	}
	t, err := materialize(references, load, decodedLimit(size))
	if err != nil {
		return nil, err
	}
	return t, checkFinite(t)
}

// selectWeights returns the dictionary of tensors. The averaged weights
// (params_ema) come first: authors publish their results with them.
func selectWeights(root any) (map[string]*tensorReference, error) {
	top, ok := root.(*pickle.Dict)
	if !ok {
		return nil, fault.New(fault.Unsupported, "The file has no dictionary of weights; save the model's state_dict and try again.")
	}
	for _, key := range []string{"params_ema", "params", "state_dict", "model_state_dict", "model", "generator", "g_ema"} {
		inner, ok := top.Entries[key].(*pickle.Dict)
		if !ok {
			continue
		}
		if references := tensorsOf(inner); len(references) > 0 {
			return references, nil
		}
	}
	if references := tensorsOf(top); len(references) > 0 {
		return references, nil
	}
	return nil, fault.New(fault.Unsupported, "The file has no floating-point weights; save the model's state_dict and try again.")
}

// tensorsOf returns a dictionary's floating-point tensors, without "module." if
// all names start with it.
func tensorsOf(d *pickle.Dict) map[string]*tensorReference {
	const wrapper = "module."
	found := map[string]*tensorReference{}
	wrapped := true
	for name, value := range d.Entries {
		if reference, ok := value.(*tensorReference); ok && reference.storage.kind != skipped {
			found[name] = reference
			wrapped = wrapped && strings.HasPrefix(name, wrapper)
		}
	}
	if !wrapped {
		return found
	}
	bare := make(map[string]*tensorReference, len(found))
	for name, reference := range found {
		bare[strings.TrimPrefix(name, wrapper)] = reference
	}
	return bare
}
