package child

import (
	"encoding/binary"
	"encoding/json"
	"errors"

	"upscaled/engine"
	"upscaled/engine/imagedata"
	"upscaled/models/fault"
)

// request is an engine.Request whose input follows in frames of its own. It is
// JSON: gob does not distinguish a denoise of 0 from none.
type request struct {
	// Bytes is the length of the input.
	Bytes int64
	// Watched asks for progress.
	Watched bool
	engine.Request
}

func encodeRequest(q engine.Request) ([]byte, error) {
	if len(q.Input) > maxImage {
		return nil, fault.New(fault.TooLarge, "The file is larger than %d bytes.", maxImage)
	}
	data, err := json.Marshal(request{int64(len(q.Input)), q.Progress != nil, q})
	if err != nil || len(data) > maxPayload { // NaN, or a name of a megabyte
		return nil, fault.Wrap(fault.Invalid, errors.Join(err), "A setting of the image makes no sense.")
	}
	return data, nil
}

// encodeResult drops the metadata, which may be megabytes and is in the image
// anyway.
func encodeResult(r engine.Result) ([]byte, error) {
	r.Input.Meta, r.Output.Meta = imagedata.Metadata{}, imagedata.Metadata{}
	return json.Marshal(r)
}

// failure is an error in transit.
type failure struct {
	Kind    fault.Kind
	Message string
	// Cause is for the log; "" if the sentence is all.
	Cause string `json:",omitempty"`
}

// maxText bounds each text of a failure, in bytes.
const maxText = 16 << 10

func encodeFailure(err error) []byte {
	f := failure{Kind: fault.KindOf(err), Message: fault.Sentence(err), Cause: err.Error()}
	if whole, ok := err.(*fault.Error); ok {
		f.Cause = ""
		if whole.Err != nil {
			f.Cause = whole.Err.Error()
		}
	}
	f.Message = f.Message[:min(len(f.Message), maxText)]
	f.Cause = f.Cause[:min(len(f.Cause), maxText)]
	data, err := json.Marshal(f)
	if err != nil { // cannot happen: strings always encode
		panic(err)
	}
	return data
}

func decodeFailure(payload []byte) (*fault.Error, error) {
	var f failure
	if err := json.Unmarshal(payload, &f); err != nil {
		return nil, err
	}
	//guard:child-failure-kind FuzzTake
	if f.Kind == "" {
		return nil, errors.New("a failure of no kind")
	}
	e := &fault.Error{Kind: f.Kind, Message: f.Message}
	if f.Cause != "" {
		e.Err = errors.New(f.Cause)
	}
	return e, nil
}

// greeting is the child's first message.
type greeting struct {
	Version int
	Devices []engine.DeviceUse
}

func encodeProgress(p engine.Progress) []byte {
	payload := binary.BigEndian.AppendUint64(nil, uint64(p.Done))
	return binary.BigEndian.AppendUint64(payload, uint64(p.Total))
}

func decodeProgress(payload []byte) (engine.Progress, bool) {
	if len(payload) != 16 {
		return engine.Progress{}, false
	}
	return engine.Progress{
		Done:  int64(binary.BigEndian.Uint64(payload)),
		Total: int64(binary.BigEndian.Uint64(payload[8:])),
	}, true
}
