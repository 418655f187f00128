package engine_test

import (
	"bytes"
	"context"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"upscaled/engine"
	"upscaled/engine/enginetest"
	"upscaled/engine/face"
	"upscaled/engine/face/align"
	"upscaled/engine/imagedata"
	"upscaled/engine/resize"
	"upscaled/models/fault"
	"upscaled/models/network"
)

// smooth is a runtime whose models enlarge by Lanczos, and invert samples
// where the model's name says so. At scale 1 they change nothing.
type smooth struct{ enginetest.Runtime }

func (s *smooth) Open(_ context.Context, net *network.Network, _ network.Options) (engine.Session, error) {
	return smoothSession{net}, nil
}

type smoothSession struct{ net *network.Network }

func (smoothSession) Close() error { return nil }

func (s smoothSession) Run(_ context.Context, in, out imagedata.Raster) error {
	result := in
	if s.net.Info().Scale > 1 {
		result = resize.Whole(in, out.Width, out.Height)
	}
	copy(out.Pix, result.Pix)
	copy(out.Pix16, result.Pix16)
	if s.net.Info().Description == "inverting" {
		for i := range out.Pix {
			out.Pix[i] = 255 - out.Pix[i]
		}
	}
	return nil
}

// faces is a face library of one face; restorer "" has none.
type faces struct {
	found    []face.Face
	restorer string
	side     int
}

func (f faces) Name() string { return "pretend" }
func (f faces) Detect(_ context.Context, p imagedata.Raster) ([]face.Face, error) {
	if p.Pix16 != nil {
		return nil, fault.New(fault.Internal, "detectors get 8 bits")
	}
	return f.found, nil
}

func (f faces) Detector(context.Context, engine.DetectorOptions) (face.Detector, error) {
	return f, nil
}

func (f faces) LoadRestorer(context.Context, string) (*network.Network, string, error) {
	if f.restorer == "" {
		return nil, "", fault.New(fault.ModelMissing, "No face restorer is installed.")
	}
	return enginetest.Net(1, 0, func(i *network.Info) {
		i.FixedWidth, i.FixedHeight, i.Description = f.side, f.side, f.restorer
	}), f.restorer, nil
}

func (f faces) Default(string) string { return "" }

func (f faces) Load(_ context.Context, name string, _ *float64) (*network.Network, error) {
	return enginetest.Net(4, 0, func(i *network.Info) {
		if name == engine.Refiner {
			i.Description = "inverting"
		}
	}), nil
}

// oneFace is a face whose eyes are 40 pixels apart, around a place.
func oneFace(x, y float64) face.Face {
	return face.Face{Left: x - 50, Top: y - 55, Width: 100, Height: 110, Score: 1, Landmarks: face.Landmarks{
		{X: x - 20, Y: y - 15}, {X: x + 20, Y: y - 15}, {X: x, Y: y + 8}, {X: x - 17, Y: y + 27}, {X: x + 17, Y: y + 27},
	}}
}

// aside is a face's profile: its eyes are together.
func aside(f face.Face) face.Face {
	f.Landmarks[face.LeftEye].X += 20
	return f
}

// waves is a smooth raster.
func waves(width, height, channels, depth int) imagedata.Raster {
	r := imagedata.NewRaster(width, height, channels, depth)
	for y := range height {
		for x := range width {
			for c := range channels {
				v := 0.5 + 0.4*math.Sin(float64(x)/9+float64(c))*math.Cos(float64(y)/11)
				if r.Pix16 != nil {
					r.Pix16[(y*width+x)*channels+c] = uint16(65535 * v)
				} else {
					r.Pix[(y*width+x)*channels+c] = uint8(255 * v)
				}
			}
		}
	}
	return r
}

// enhance runs one request with faces, or plain with nil.
func enhance(t *testing.T, input imagedata.Raster, library faces, f *engine.Faces) (imagedata.Raster, engine.Result, error) {
	t.Helper()
	e := engine.New(engine.Options{Runtime: &smooth{}, Library: library, Detector: library.Detector})
	defer e.Close()
	var out bytes.Buffer
	result, err := e.Upscale(t.Context(), engine.Request{Input: file(t, input), Output: &out, Faces: f})
	if err != nil {
		return imagedata.Raster{}, result, err
	}
	return first(t, out.Bytes()).Color, result, nil
}

// difference returns how many samples differ, the box they lie in and the
// signal-to-noise ratio within it, in dB.
func difference(a, b imagedata.Raster) (count, left, top, right, bottom int, psnr float64) {
	left, top = a.Width, a.Height
	most, sum := 255.0, 0.0
	at := func(r imagedata.Raster, i int) float64 {
		if r.Pix16 != nil {
			return float64(r.Pix16[i])
		}
		return float64(r.Pix[i])
	}
	if a.Pix16 != nil {
		most = 65535
	}
	for i := range a.Width * a.Height * a.Channels {
		if d := at(a, i) - at(b, i); d != 0 {
			x, y := i/a.Channels%a.Width, i/a.Channels/a.Width
			left, right, top, bottom = min(left, x), max(right, x), min(top, y), max(bottom, y)
			count++
			sum += d * d
		}
	}
	area := float64(max(1, (right-left+1)*(bottom-top+1)*a.Channels))
	return count, left, top, right, bottom, 10 * math.Log10(most*most*area/max(sum, 1e-9))
}

// A restorer that changes nothing changes nothing but interpolation, and
// nothing at all outside the face.
func TestIdentityRestorer(t *testing.T) {
	t.Parallel()
	kinds := []struct{ channels, depth int }{{3, 8}, {1, 8}, {3, 16}}
	if testing.Short() {
		kinds = kinds[:1] // the same goroutines
	}
	for _, kind := range kinds {
		input := waves(260, 240, kind.channels, kind.depth)
		library := faces{found: []face.Face{oneFace(130, 120)}, restorer: "identity", side: 512}
		plain, _, err := enhance(t, input, library, nil)
		if err != nil {
			t.Fatal(err)
		}
		got, result, err := enhance(t, input, library, &engine.Faces{Strength: 1, Restorer: "auto"})
		if err != nil || result.Faces == nil || !reflect.DeepEqual(*result.Faces, engine.FaceResult{Found: 1, Enhanced: 1, Restorer: "identity"}) || len(result.Notes) > 0 {
			t.Fatalf("%v %+v %q", err, result.Faces, result.Notes)
		}
		count, left, top, right, bottom, psnr := difference(got, plain)
		if count == 0 || psnr < 45 {
			t.Errorf("%+v: %d samples differ, %.1f dB", kind, count, psnr)
		}
		if left < 4*20 || right > 4*240 || top < 4*10 || bottom > 4*230 {
			t.Errorf("%+v: changes reach from %d,%d to %d,%d", kind, left, top, right, bottom)
		}
	}
}

// mask returns the pixels of a result of 4 times the size that a face's mask may change:
// those within the ellipse and the outline, with the reach of its interpolation.
func mask(t *testing.T, input imagedata.Raster, f face.Face) []bool {
	const side, reach = 512, 3
	into, err := align.Estimate(f.Landmarks, align.Template(side))
	if err != nil {
		t.Fatal(err)
	}
	outline := align.Outline(align.Crop(input, into, side), f, into)
	masked := make([]bool, 16*input.Width*input.Height)
	for i := range masked {
		x, y := i%(4*input.Width), i/(4*input.Width)
		p := into.Apply(face.Point{X: (float64(x) + 0.5) / 4, Y: (float64(y) + 0.5) / 4})
		if math.Hypot((p.X/side-0.5)/0.42, (p.Y/side-0.555)/0.44) > 1 {
			continue
		}
		column, row := int(p.X*float64(outline.Width)/side), int(p.Y*float64(outline.Height)/side)
		for v := max(0, row-reach); v <= min(row+reach, outline.Height-1); v++ {
			for u := max(0, column-reach); u <= min(column+reach, outline.Width-1); u++ {
				masked[i] = masked[i] || outline.Pix16[v*outline.Width+u] > 0
			}
		}
	}
	return masked
}

// At every roll an identity changes nothing that shows in the mask, and no restorer a
// sample outside.
func TestIdentityAtEveryRoll(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("under the race detector TestIdentityRestorer runs the same goroutines")
	}
	input := waves(260, 240, 3, 8)
	plain, _, err := enhance(t, input, faces{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for roll := 0; roll < 360; roll += 30 {
		f := oneFace(130, 120)
		sin, cos := math.Sincos(float64(roll) * math.Pi / 180)
		for i, p := range f.Landmarks {
			x, y := p.X-130, p.Y-120
			f.Landmarks[i] = face.Point{X: 130 + x*cos - y*sin, Y: 120 + x*sin + y*cos}
		}
		masked := mask(t, input, f)
		for _, restorer := range []string{"identity", "inverting"} {
			library := faces{found: []face.Face{f}, restorer: restorer, side: 512}
			got, _, err := enhance(t, input, library, &engine.Faces{Strength: 1})
			if err != nil {
				t.Fatal(err)
			}
			var inside, outside, sum float64
			for i := range got.Width * got.Height {
				a, b := got.Pix[3*i:3*i+3], plain.Pix[3*i:3*i+3]
				if !masked[i] && !slices.Equal(a, b) {
					outside++
				} else if masked[i] {
					inside++
					for c := range 3 {
						d := float64(a[c]) - float64(b[c])
						sum += d * d / 3
					}
				}
			}
			psnr := 10 * math.Log10(255*255*inside/sum)
			if outside > 0 || (psnr >= 45) != (restorer == "identity") || inside < 150_000 || inside > 300_000 {
				t.Errorf("%d degrees, %s: %.1f dB in %.0f pixels, %.0f pixels outside changed", roll, restorer, psnr, inside, outside)
			}
		}
	}
}

// At the image's edge, too, an identity changes nothing that shows.
func TestIdentityAtTheEdge(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("under the race detector TestIdentityRestorer runs the same goroutines")
	}
	input := waves(200, 180, 3, 8)
	for _, at := range [][2]float64{{12, 90}, {190, 170}, {100, 8}} {
		library := faces{found: []face.Face{oneFace(at[0], at[1])}, restorer: "identity", side: 512}
		plain, _, _ := enhance(t, input, library, nil)
		got, result, err := enhance(t, input, library, &engine.Faces{Strength: 1})
		if err != nil || result.Faces.Enhanced != 1 {
			t.Fatal(result.Faces, err)
		}
		if count, _, _, _, _, psnr := difference(got, plain); count == 0 || psnr < 45 {
			t.Errorf("face at %v: %d samples differ, %.1f dB", at, count, psnr)
		}
	}
}

func TestRefinedWhereNothingIsInstalled(t *testing.T) {
	t.Parallel()
	input, library := waves(260, 240, 3, 8), faces{found: []face.Face{oneFace(130, 120)}}
	plain, _, _ := enhance(t, input, library, nil)
	got, result, err := enhance(t, input, library, &engine.Faces{Strength: 1, Missing: engine.Refine})
	if err != nil || !result.Faces.Refined || result.Faces.Restorer != engine.Refiner || len(result.Notes) != 1 || !strings.Contains(result.Notes[0], "models pull gfpgan") {
		t.Fatalf("%v %+v %q", err, result.Faces, result.Notes)
	}
	if count, _, _, _, _, psnr := difference(got, plain); count == 0 || psnr > 40 {
		t.Errorf("the refiner's work does not show: %d samples, %.1f dB", count, psnr)
	}
	if _, _, err := enhance(t, input, library, &engine.Faces{Strength: 1, Missing: engine.Refuse}); fault.KindOf(err) != fault.ModelMissing {
		t.Errorf("error: %v", err)
	}
	same, result, err := enhance(t, input, library, &engine.Faces{Strength: 1, Missing: engine.Ignore})
	if err != nil || result.Faces != nil || !equal(same, plain) {
		t.Errorf("ignore: %v %+v", err, result.Faces)
	}
	if _, _, err := enhance(t, input, library, &engine.Faces{Strength: 1, Restorer: "named"}); fault.KindOf(err) != fault.ModelMissing {
		t.Errorf("a restorer asked for by name is never replaced: %v", err)
	}
}

func TestFaceChoices(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("under the race detector TestIdentityRestorer runs the same goroutines")
	}
	input := waves(400, 240, 3, 8)
	tiny := oneFace(60, 60)
	for i, p := range tiny.Landmarks {
		tiny.Landmarks[i] = face.Point{X: 60 + (p.X-60)/10, Y: 60 + (p.Y-60)/10}
	}
	library := faces{found: []face.Face{oneFace(90, 120), oneFace(230, 120), tiny}, restorer: "identity", side: 128}
	plain, _, _ := enhance(t, input, library, nil)
	_, result, err := enhance(t, input, library, &engine.Faces{Strength: 1})
	if err != nil || result.Faces.Found != 3 || result.Faces.Enhanced != 2 {
		t.Errorf("faces with eyes under 5 pixels apart are left: %+v, %v", result.Faces, err)
	}
	got, result, err := enhance(t, input, library, &engine.Faces{Strength: 1, OnlyCentre: true})
	_, left, _, _, _, _ := difference(got, plain)
	if err != nil || result.Faces.Enhanced != 1 || left < 4*140 {
		t.Errorf("only the face in the centre: %+v, changed from %d on, %v", result.Faces, left, err)
	}
	profile := aside(oneFace(350, 180))
	profile.Ears = [2]face.Point{{X: 300, Y: 180}, {X: 352, Y: 180}}
	library.found = append(library.found, profile)
	_, result, err = enhance(t, input, library, &engine.Faces{Strength: 1, Report: engine.ListFaces, At: []face.Point{{X: 95, Y: 100}, {X: 350, Y: 190}, {X: 399, Y: 1}}})
	var enhanced []bool
	for _, f := range result.Faces.List {
		enhanced = append(enhanced, f.Enhanced)
	}
	if err != nil || !slices.Equal(enhanced, []bool{true, false, false, true}) {
		t.Errorf("faces by place: %v, %v", enhanced, err)
	}
	if same, _, err := enhance(t, input, library, &engine.Faces{Strength: 0}); err != nil || !equal(same, plain) {
		t.Errorf("strength 0 changes something: %v", err)
	}
	if _, _, err := enhance(t, input, library, &engine.Faces{Strength: 2}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("strength 2: %v", err)
	}
}

// Faces are listed on request, and found without upscaling or enhancing anything.
func TestFacesAreListed(t *testing.T) {
	t.Parallel()
	input := waves(260, 240, 3, 8)
	half, profile := oneFace(90, 60), aside(oneFace(200, 60))
	half.Ears = [2]face.Point{{X: 40, Y: 60}, {X: 92, Y: 60}} // turned half aside
	profile.Ears = [2]face.Point{{X: 150, Y: 60}, {X: 202, Y: 60}}
	library := faces{found: []face.Face{half, profile}, restorer: "identity", side: 128}
	_, result, err := enhance(t, input, library, &engine.Faces{Strength: 1, Report: engine.ListFaces})
	want := []engine.FoundFace{{Face: library.found[0], Enhanced: true}, {Face: profile}}
	if err != nil || !reflect.DeepEqual(result.Faces.List, want) || result.Faces.Enhanced != 1 {
		t.Errorf("%+v, %v", result.Faces, err)
	}
	e := engine.New(engine.Options{Runtime: &smooth{}, Library: faces{}, Detector: library.Detector})
	defer e.Close()
	var out bytes.Buffer
	result, err = e.Upscale(t.Context(), engine.Request{
		Input: file(t, input), Output: &out, Filter: engine.Nearest, Size: engine.Size{Scale: 1},
		Faces: &engine.Faces{Strength: 1, Missing: engine.Refuse, Report: engine.DetectFaces},
	})
	if err != nil || len(result.Faces.List) != 2 || result.Faces.Enhanced != 0 || result.Faces.Restorer != "" {
		t.Fatalf("%+v, %v", result.Faces, err)
	}
	if !equal(first(t, out.Bytes()).Color, input) {
		t.Error("the image changed")
	}
}
