package native

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"upscaled/models/fault"
	"upscaled/server/job"
)

// The option faces: a list beside the enhancement, or nothing but a list.
func TestFacesOption(t *testing.T) {
	t.Parallel()
	options := func(members string) (job.Options, error) {
		p, err := parseJSON([]byte(`{"url":"https://a.example/",`+members+`}`), 1000)
		return p.options, err
	}
	listed, err := options(`"face_enhance":true,"faces":"list"`)
	if err != nil || !listed.FaceEnhance || listed.Face.Report != "list" || listed.Filter != "" {
		t.Errorf("%+v, %v", listed, err)
	}
	checkRoundTrip(t, listed)
	found, err := options(`"faces":"detect","face_min":30,"format":"png"`)
	if err != nil || !found.FaceEnhance || found.Face.Report != "detect" || found.Filter != "nearest" || found.Scale != 1 {
		t.Errorf("%+v, %v", found, err)
	}
	checkRoundTrip(t, found)
	chosen, err := options(`"face_enhance":true,"face_at":" 12,8.5  300,0 "`)
	if err != nil || !reflect.DeepEqual(chosen.Face.At, [][2]float64{{12, 8.5}, {300, 0}}) {
		t.Errorf("%+v, %v", chosen.Face, err)
	}
	checkRoundTrip(t, chosen)
	for _, members := range []string{
		`"face_at":"1,2"`, `"face_enhance":true,"face_at":"1,2","face_only_center":true`, `"face_enhance":true,"face_at":"1"`,
		`"face_enhance":true,"face_at":"1,-2"`, `"face_enhance":true,"face_at":"1,2,3"`, `"face_enhance":true,"face_at":"NaN,2"`,
		`"face_enhance":true,"face_at":"` + strings.Repeat("1,2 ", 201) + `"`,
		`"faces":"detect","scale":2`, `"faces":"detect","model":"x"`, `"faces":"detect","face_enhance":true`,
		`"faces":"list"`, `"faces":"all","face_enhance":true`,
	} {
		if _, err := options(members); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v", members, err)
		}
	}
}

// A result without a list has no member for it; with one the faces are as stored.
func TestFacesOfResult(t *testing.T) {
	t.Parallel()
	j := job.Job{Result: &job.Result{Faces: &job.Faces{Found: 1, Restorer: "r"}}}
	show := func() string {
		text, err := json.Marshal(resultOf(j, "").Faces)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	if got, want := show(), `{"found":1,"enhanced":0,"restorer":"r","refined":false}`; got != want {
		t.Errorf("%s instead of %s", got, want)
	}
	j.Result.Faces.List = []job.Face{{Left: 1.5, Top: 2, Width: 30, Height: 31, Score: 0.9, Frontal: 1, Points: [5][2]float64{{3, 4}}, Enhanced: true}}
	want := `{"found":1,"enhanced":0,"restorer":"r","refined":false,"list":[{"left":1.5,"top":2,"width":30,"height":31,"score":0.9,"frontal":1,` +
		`"points":[[3,4],[0,0],[0,0],[0,0],[0,0]],"enhanced":true}]}`
	if got := show(); got != want {
		t.Errorf("%s instead of %s", got, want)
	}
}
