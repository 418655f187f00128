package child

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"pgregory.net/rapid"

	"upscaled/engine"
	"upscaled/models/fault"
)

func TestDelays(t *testing.T) {
	t.Parallel()
	want := []time.Duration{100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 30000, 30000}
	for i, w := range want {
		if got := delayAfter(i+1, 100*time.Millisecond); got != w*time.Millisecond {
			t.Errorf("after %d ends: %v", i+1, got)
		}
	}
	if got := delayAfter(1_000_000, 1); got != maxDelay {
		t.Errorf("after a million: %v", got)
	}
}

func TestFramesRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var wire bytes.Buffer
		w := frames{to: &wire}
		var sent []frame
		for range rapid.IntRange(0, 5).Draw(t, "frames") {
			f := frame{
				kind: kind(rapid.Byte().Draw(t, "kind")), id: rapid.Uint64().Draw(t, "id"),
				payload: make([]byte, rapid.IntRange(0, 2*smallPayload).Draw(t, "length")),
			}
			if err := w.write(f.kind, f.id, f.payload); err != nil {
				t.Fatal(err)
			}
			sent = append(sent, f)
		}
		for in := iotest.HalfReader(&wire); ; sent = sent[1:] {
			got, err := readFrame(in)
			if len(sent) == 0 {
				if !errors.Is(err, io.EOF) {
					t.Fatal(err)
				}
				return
			}
			if err != nil || !reflect.DeepEqual(got, sent[0]) {
				t.Fatalf("%v: %+v, want %+v", err, got, sent[0])
			}
		}
	})
	if err := (&frames{to: io.Discard}).write(kindInput, 1, make([]byte, maxPayload+1)); !errors.Is(err, errTooLong) {
		t.Errorf("a long frame: %v", err)
	}
}

// A frame is read no further than its bytes go, and one that is too long not
// at all.
func FuzzReadFrame(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 'a', 'b', 'c'})
	f.Add([]byte{1, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 'a'})
	f.Fuzz(func(t *testing.T, data []byte) {
		in := bytes.NewReader(data)
		got, err := readFrame(in)
		if len(data) >= frameHeader && binary.BigEndian.Uint32(data[9:]) > maxPayload && !errors.Is(err, errTooLong) {
			t.Errorf("a frame of %d bytes: %v", binary.BigEndian.Uint32(data[9:]), err)
		}
		if err != nil {
			return
		}
		var again bytes.Buffer
		if err := (&frames{to: &again}).write(got.kind, got.id, got.payload); err != nil || !bytes.Equal(again.Bytes(), data[:len(data)-in.Len()]) {
			t.Errorf("%v: %x is written as %x", err, data, again.Bytes())
		}
	})
}

// Whatever a child says, a call takes it or returns an error.
func FuzzTake(f *testing.F) {
	f.Add(byte(kindResult), []byte(`{"Model":"x"}`))
	f.Add(byte(kindFailure), []byte(`{"Kind":"invalid","Message":"No."}`))
	f.Add(byte(kindFailure), []byte(`{}`))
	f.Add(byte(kindDeviceList), []byte(`[{"Kind":"cpu"}]`))
	f.Add(byte(kindProgress), make([]byte, 16))
	f.Fuzz(func(t *testing.T, k byte, payload []byte) {
		c := newCall(kindResult)
		ended, err := c.take(frame{kind: kind(k), payload: payload})
		if ended && err == nil && kind(k) != kindResult && kind(k) != kindFailure {
			t.Errorf("a frame of kind %d is taken for a result", k)
		}
		if ended && err == nil && kind(k) == kindFailure && fault.KindOf(c.err) == "" {
			t.Errorf("a failure of no kind: %+v", c.err)
		}
	})
}

// A image that is canceled just when it is sent is answered, even where the
// word of that comes before the request: else the child would wait for the rest
// of the image, be taken for stuck and be ended with all that it has in work.
func TestCancelThatOvertakes(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var sent, said bytes.Buffer
	p := &process{requests: frames{to: &sent}}
	if err := p.requests.write(kindCancel, 1, nil); err != nil {
		t.Fatal(err)
	}
	input := []byte("a picture")
	header, err := encodeRequest(engine.Request{Input: input})
	if err != nil {
		t.Fatal(err)
	}
	p.submit(ctx, 1, newCall(kindResult), header, input)
	h := &host{replies: frames{to: &said}, engine: (*engine.Engine)(nil), pending: map[uint64]*incoming{}}
	for {
		f, err := readFrame(&sent)
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = h.take(t.Context(), f)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if f, err := readFrame(&said); err != nil || f.kind != kindFailure || f.id != 1 {
		t.Errorf("the child answers %+v, %v", f, err)
	}
	if len(h.pending) > 0 {
		t.Error("the child waits for the rest")
	}
}

// Every field of a request travels, so that one that is added is not forgotten.
func TestRequestTravelsWhole(t *testing.T) {
	t.Parallel()
	stays := map[string]bool{"Input": true, "Output": true, "Progress": true}
	here, there := reflect.TypeFor[engine.Request](), reflect.TypeFor[request]()
	for f := range here.Fields() {
		f := f
		if g, ok := there.FieldByName(f.Name); !stays[f.Name] && (!ok || g.Type != f.Type) {
			t.Errorf("engine.Request's %s does not reach the child", f.Name)
		}
	}
	var q engine.Request
	v := reflect.ValueOf(&q).Elem()
	for _, field := range v.Fields() {
		switch f := field; f.Kind() {
		case reflect.String:
			f.SetString("x")
		case reflect.Int:
			f.SetInt(7)
		case reflect.Bool:
			f.SetBool(true)
		}
	}
	zero := 0.0
	q.Denoise, q.Faces, q.Size = &zero, &engine.Faces{Strength: 0.5}, engine.Size{Scale: 1.5}
	data, err := encodeRequest(q)
	if err != nil {
		t.Fatal(err)
	}
	var r request
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatal(err)
	}
	if got := r.Request; !reflect.DeepEqual(got, q) {
		t.Errorf("%+v, want %+v", got, q)
	}
	nan := 0.0
	nan /= nan
	if _, err := encodeRequest(engine.Request{Denoise: &nan}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("NaN: %v", err)
	}
}

func TestFailuresTravel(t *testing.T) {
	t.Parallel()
	for _, err := range []error{
		fault.New(fault.TooLarge, "Too large."), fault.Wrap(fault.Internal, errors.New("why"), "Defect."), errors.New("plain"), context.Canceled,
	} {
		got, wrong := decodeFailure(encodeFailure(err))
		if wrong != nil || fault.KindOf(got) != fault.KindOf(err) || fault.Sentence(got) != fault.Sentence(err) || !strings.Contains(got.Error(), err.Error()) {
			t.Errorf("%v arrives as %v, %v", err, got, wrong)
		}
	}
	if got, err := decodeFailure(encodeFailure(errors.New(strings.Repeat("x", 2<<20)))); err != nil || len(got.Error()) > 2*maxText {
		t.Errorf("a long text: %v", err)
	}
}

func TestLinesStayWhole(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SliceOf(rapid.StringMatching(`[a-z]{1,9}`)).Draw(t, "lines")
		var log bytes.Buffer
		l := &lines{log: slog.New(slog.NewTextHandler(&log, nil))}
		for data := []byte(strings.Join(text, "\n")); len(data) > 0; {
			n := rapid.IntRange(1, len(data)).Draw(t, "piece")
			if got, err := l.Write(data[:n]); got != n || err != nil {
				t.Fatal(got, err)
			}
			data = data[n:]
		}
		l.flush()
		var got []string
		for line := range strings.SplitSeq(strings.TrimSpace(log.String()), "\n") {
			if _, said, ok := strings.Cut(line, "line="); ok {
				got = append(got, said)
			}
		}
		if strings.Join(got, "\n") != strings.Join(text, "\n") {
			t.Fatalf("%q, want %q", got, text)
		}
	})
	var log bytes.Buffer
	l := &lines{log: slog.New(slog.NewTextHandler(&log, nil))}
	_, _ = l.Write(make([]byte, 10*maxLine))
	if len(l.rest) > maxLine {
		t.Errorf("%d bytes of a line are kept", len(l.rest))
	}
}

func TestSuspects(t *testing.T) {
	t.Parallel()
	var s poisonList
	name := func(i int) []byte { return binary.BigEndian.AppendUint32(nil, uint32(i)) }
	for i := range maxPoison + 1 {
		s.add(name(i))
		s.add(name(i))
	}
	if s.has(name(0)) || !s.has(name(1)) || !s.has(name(maxPoison)) || len(s.sums) != maxPoison {
		t.Error("not the newest are remembered")
	}
	s.drop(name(1))
	if s.has(name(1)) || !s.has(name(2)) {
		t.Error("another one was dropped")
	}
}

type refusing struct{}

func (refusing) Upscale(ctx context.Context, _ engine.Request) (engine.Result, error) {
	<-ctx.Done()
	return engine.Result{}, ctx.Err()
}

// The child ends when its parent is gone, in the middle of opening and of
// images too, and when its parent speaks nonsense.
func TestHostEnds(t *testing.T) {
	t.Parallel()
	serve := func(open func(context.Context) (engine.Upscaler, error), say func(w *frames, ready func())) error {
		requests, out := io.Pipe()
		in, replies := io.Pipe()
		h := Host{Requests: requests, Replies: replies, Open: open, Abandon: func() { t.Error("abandoned") }, Log: io.Discard}
		ended := make(chan error, 1)
		go func() { ended <- h.Serve(t.Context()); _ = replies.Close() }()
		say(&frames{to: out}, func() {
			if f, err := readFrame(in); err != nil || f.kind != kindReady {
				t.Errorf("the first word: %v %v", f.kind, err)
			}
		})
		go func() { _, _ = io.Copy(io.Discard, in) }()
		_ = out.Close()
		return <-ended
	}
	opens := func(context.Context) (engine.Upscaler, error) { return refusing{}, nil }
	hangs := func(ctx context.Context) (engine.Upscaler, error) { <-ctx.Done(); return nil, ctx.Err() }
	if err := serve(hangs, func(*frames, func()) {}); err != nil {
		t.Errorf("while opening: %v", err)
	}
	if err := serve(opens, func(w *frames, ready func()) {
		ready()
		_ = w.write(kindRequest, 1, []byte(`{"Bytes":0}`))
		_ = w.write(kindRequest, 2, []byte(`{"Bytes":9}`))
	}); err != nil {
		t.Errorf("while working: %v", err)
	}
	for _, nonsense := range []frame{
		{kindRequest, 1, []byte(`{`)}, {kindRequest, 1, []byte(`{"Bytes":-1}`)}, {kindRequest, 1, []byte(`{"Bytes":99999999999}`)},
		{kindReady, 1, nil}, {0, 0, nil},
	} {
		if err := serve(opens, func(w *frames, ready func()) { ready(); _ = w.write(nonsense.kind, nonsense.id, nonsense.payload) }); err == nil {
			t.Errorf("%+v was taken", nonsense)
		}
	}
	if err := serve(hangs, func(w *frames, _ func()) { _ = w.write(kindDevices, 1, nil) }); err == nil {
		t.Error("a question before the engine is open was taken")
	}
	cannot := func(context.Context) (engine.Upscaler, error) { return nil, fault.New(fault.ModelMissing, "None.") }
	if err := serve(cannot, func(*frames, func()) {}); err != nil && fault.KindOf(err) != fault.ModelMissing {
		t.Errorf("cannot open: %v", err)
	}
}
