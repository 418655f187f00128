package upload_test

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"strings"
	"testing"

	"upscaled/models/fault"
	"upscaled/server/upload"
)

func request(t *testing.T, fill func(*multipart.Writer)) *http.Request {
	t.Helper()
	body := &bytes.Buffer{}
	w := multipart.NewWriter(body)
	fill(w)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "/", body)
	r.Header.Set("Content-Type", w.FormDataContentType())
	return r
}

func add(t *testing.T, w *multipart.Writer, field, name string, data []byte) {
	t.Helper()
	part, err := w.CreateFormFile(field, name)
	if err == nil {
		_, err = part.Write(data)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestRead(t *testing.T) {
	t.Parallel()
	r := request(t, func(w *multipart.Writer) {
		_ = w.WriteField("scale", " 4\r\n")
		add(t, w, "image", "image.bin", []byte("pixels"))
		_ = w.WriteField("scale", "8")
		bare, _ := w.CreatePart(textproto.MIMEHeader{
			"Content-Disposition": {`form-data; name="image"`}, "Content-Type": {"image/png"},
		})
		_, _ = bare.Write([]byte("bare"))
	})
	form, err := upload.Read(r, upload.Limits{FileBytes: 100, Files: 2}, "image")
	if err != nil {
		t.Fatal(err)
	}
	file, found := form.File("image")
	if !found || string(file.Data) != "pixels" || file.Name != "image.bin" || file.Size != 6 || form.Fields["scale"] != "4" {
		t.Errorf("%+v", form)
	}
	if len(form.Files) != 2 || string(form.Files[1].Data) != "bare" {
		t.Errorf("a file without a name: %+v", form.Files)
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	r := request(t, func(w *multipart.Writer) { add(t, w, "image", "a", make([]byte, 1000)) })
	form, err := upload.Read(r, upload.Limits{FileBytes: 999, Files: 1})
	if file, _ := form.File("image"); err != nil || file.Data != nil || file.Size != 1000 {
		t.Errorf("a large file keeps its size only: %+v, %v", file, err)
	}
	for name, fill := range map[string]func(*multipart.Writer){
		"files": func(w *multipart.Writer) { add(t, w, "a", "a", nil); add(t, w, "b", "b", nil) },
		"fields": func(w *multipart.Writer) {
			for range 101 {
				_ = w.WriteField("a", "b")
			}
		},
		"field": func(w *multipart.Writer) { _ = w.WriteField("a", strings.Repeat("b", 1<<17)) },
	} {
		if _, err := upload.Read(request(t, fill), upload.Limits{FileBytes: 10, Files: 1}); fault.KindOf(err) != fault.TooLarge {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWrongRequests(t *testing.T) {
	t.Parallel()
	for contentType, kind := range map[string]fault.Kind{
		"application/json": fault.Unsupported, "": fault.Unsupported,
		"multipart/form-data": fault.Invalid, "multipart/form-data; boundary=x": fault.Invalid,
	} {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader("--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\ncut"))
		r.Header.Set("Content-Type", contentType)
		if _, err := upload.Read(r, upload.Limits{}); fault.KindOf(err) != kind {
			t.Errorf("%q: %v, want %s", contentType, err, kind)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add("--x\r\nContent-Disposition: form-data; name=\"a\"; filename=\"b\"\r\n\r\ndata\r\n--x--\r\n")
	f.Add("--x\r\nContent-Disposition: form-data; name=\"a\"; filename=\"b\"\r\n\r\nnine bytes\r\n--x--\r\n")
	f.Fuzz(func(t *testing.T, body string) {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
		r.Header.Set("Content-Type", "multipart/form-data; boundary=x")
		form, err := upload.Read(r, upload.Limits{FileBytes: 8, Files: 2})
		for _, file := range form.Files {
			if len(file.Data) > 8 || err != nil {
				t.Fatalf("%d bytes kept, %v", len(file.Data), err)
			}
		}
	})
}
