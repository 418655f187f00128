package weights

import (
	"bytes"
	"io"
	"slices"

	"upscaled/models/fault"
	"upscaled/models/weights/pickle"
)

// ReadPyTorch reads weights written by torch.save: the zip format (PyTorch 1.6
// and later) or the older format of bare pickles. Only data is decoded; a file
// that uses any Python function other than the few that rebuild tensors is
// fault.Invalid, as is a damaged one. TorchScript archives are
// fault.Unsupported.
//
// Of several sets of weights the first of wrappers is read, then a single one under
// any key, otherwise the top-level dictionary.
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

// selectWeights returns the dictionary of tensors: that of the first wrapper, or else
// of the only dictionary.
func selectWeights(root any) (map[string]*tensorReference, error) {
	top, ok := root.(*pickle.Dict)
	if !ok {
		return nil, fault.New(fault.Unsupported, "The file has no dictionary of weights; save the model's state_dict and try again.")
	}
	if references := weightsIn(top, map[*pickle.Dict]bool{}); len(references) > 0 {
		return references, nil
	}
	return nil, fault.New(fault.Unsupported, "The file has no floating-point weights; save the model's state_dict and try again.")
}

// weightsIn searches a dictionary that is not in seen; dictionaries may be cyclic.
func weightsIn(d *pickle.Dict, seen map[*pickle.Dict]bool) map[string]*tensorReference {
	if len(seen) > maxWrappers {
		return nil
	}
	seen[d] = true
	var dictionaries []string
	for key, value := range d.Entries {
		if _, ok := value.(*pickle.Dict); ok && !slices.Contains(wrappers, key) {
			dictionaries = append(dictionaries, key)
		}
	}
	keys := wrappers
	if len(dictionaries) == 1 && len(tensorsOf(d)) == 0 {
		keys = append(slices.Clone(keys), dictionaries...)
	}
	for _, key := range keys {
		if inner, ok := d.Entries[key].(*pickle.Dict); ok && !seen[inner] {
			if references := weightsIn(inner, seen); len(references) > 0 {
				return references
			}
		}
	}
	return tensorsOf(d)
}

// tensorsOf returns a dictionary's floating-point tensors but masks.
func tensorsOf(d *pickle.Dict) map[string]*tensorReference {
	found := map[string]*tensorReference{}
	for name, value := range d.Entries {
		if reference, ok := value.(*tensorReference); ok && reference.storage.kind != skipped && !mask.MatchString(name) {
			found[name] = reference
		}
	}
	return found
}
