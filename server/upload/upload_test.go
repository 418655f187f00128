package upload_test

import (
	"bytes"
	"errors"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"os"
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
	f.Add("--x\r\nContent-Disposition: form-data; name=\"a\"; filename=\"b\"\r\n\r\n\r\n--x\n")
	f.Fuzz(func(t *testing.T, body string) {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
		r.Header.Set("Content-Type", "multipart/form-data; boundary=x")
		form, err := upload.Read(r, upload.Limits{FileBytes: 8, Files: 2})
		for _, file := range form.Files {
			if len(file.Data) > 8 {
				t.Fatalf("%d bytes kept, %v", len(file.Data), err)
			}
		}
	})
}

// Large files are kept on disk within their own bound, all others within one for memory.
func TestLargeFiles(t *testing.T) {
	t.Parallel()
	written, folder := int64(0), t.TempDir()
	large := upload.Large{
		Is:     func(head []byte) bool { return bytes.HasPrefix(head, []byte("film")) },
		Create: func() (*os.File, error) { return os.CreateTemp(folder, "") }, Bytes: 600_000, Written: func(n int64) { written += n },
	}
	limits := upload.Limits{FileBytes: 100, Files: 3, Bytes: 150, Large: &large}
	film := bytes.Repeat([]byte("film"), 100_000)
	form, err := upload.Read(request(t, func(w *multipart.Writer) {
		add(t, w, "file", "a", film)
		add(t, w, "file", "b", []byte("image"))
		add(t, w, "file", "c", bytes.Repeat(film, 2))
	}), limits)
	if err != nil {
		t.Fatal(err)
	}
	got := make([]byte, form.Files[0].Size)
	if _, err := form.Files[0].Disk.ReadAt(got, 0); err != nil || !bytes.Equal(got, film) || form.Files[0].Data != nil || string(form.Files[1].Data) != "image" {
		t.Errorf("%d bytes of a film, %q, %v", len(got), form.Files[1].Data, err)
	}
	if size := form.Files[2].Size; size <= large.Bytes || size > large.Bytes+1<<20 || written != size+int64(len(film)) {
		t.Errorf("%d bytes of a film that is too large, %d written", size, written)
	}
	form.Close()
	form, err = upload.Read(request(t, func(w *multipart.Writer) {
		add(t, w, "file", "a", film)
		add(t, w, "file", "b", make([]byte, 80))
		add(t, w, "file", "c", make([]byte, 80))
	}), limits)
	if !errors.As(err, new(*http.MaxBytesError)) {
		t.Errorf("files of 160 bytes in memory: %v", err)
	}
	form.Close()
	if left, err := os.ReadDir(folder); err != nil || len(left) > 0 {
		t.Errorf("%v are left, %v", left, err)
	}
}
