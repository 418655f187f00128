package mnml_test

import (
	"context"
	"errors"
	"testing"

	"upscaled/models/fault"
	"upscaled/server/dialect"
	"upscaled/server/dialect/dialecttest"
	"upscaled/server/job"
	"upscaled/server/job/jobtest"
)

func TestFaceEnhancementThatCannotBeHad(t *testing.T) {
	t.Parallel()
	bad := dialecttest.Field("scale", "9")
	for _, c := range []struct {
		golden string
		status int
		err    error
		logged error
		fields []dialecttest.Part
	}{
		{"accepted.json", 200, nil, nil, nil},
		{"face_enhance_unavailable.json", 400, fault.New(fault.ModelMissing, "/models/x is not there"), nil, nil},
		{"face_enhance_unavailable.json", 400, fault.New(fault.NotFound, "x"), nil, nil},
		{"face_enhance_unavailable.json", 400, fault.New(fault.Unsupported, "x"), nil, nil},
		{"invalid_scale.json", 400, fault.New(fault.ModelMissing, "x"), nil, []dialecttest.Part{bad}},
		{"upscale_internal.json", 500, errDisk, errDisk, nil},
	} {
		s := newServer()
		s.lend = func(h *dialect.Services) { h.Faces = func(context.Context) error { return c.err } }
		golden(t, c.golden, c.status, s.do(form(t, photo(t), append(c.fields, dialecttest.Field("face_enhance", "true"))...)))
		if (c.status == 200) != (len(s.queue.Jobs()) == 1) || !errors.Is(s.logged, c.logged) {
			t.Errorf("%s: %d jobs, logged %v", c.golden, len(s.queue.Jobs()), s.logged)
		}
		// Who asks for no faces does not meet the lack.
		golden(t, "accepted.json", 200, s.do(form(t, photo(t), dialecttest.Field("face_enhance", "false"))))
	}
}

func TestStatusNamesTheFaceRestorer(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		faces *job.Faces
		want  string
	}{
		{nil, ""},
		{&job.Faces{Found: 1, Restorer: "net"}, ""},
		{&job.Faces{Found: 2, Enhanced: 1, Restorer: "net"}, "net"},
		{&job.Faces{Found: 1, Enhanced: 1, Restorer: "net", Refined: true}, "net; refined"},
	} {
		s := newServer()
		s.submit(t, job.Spec{ID: knownID, API: "mnml"})
		s.queue.Finish(knownID, jobtest.Outcome{Result: &job.Result{Format: "png", Faces: c.faces}})
		got := s.get(status + knownID)
		golden(t, "success.json", 200, got) // the body stays the vendor's
		if header := got.Header().Get("X-Face-Restorer"); header != c.want {
			t.Errorf("%+v: X-Face-Restorer %q, want %q", c.faces, header, c.want)
		}
	}
}
