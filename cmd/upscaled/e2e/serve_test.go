//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"upscaled/cmd/upscaled/e2e/pretend"
)

func TestSharedPathByContentType(t *testing.T) {
	t.Parallel()
	s := serve(t, pretend.Plain)
	r, err := http.NewRequest(http.MethodPost, s.url+"/v1/upscale", strings.NewReader("x"))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "text/plain")
	code, header, body := send(t, r, "")
	if code != http.StatusUnsupportedMediaType || header.Get("X-Request-Id") == "" || decodeJSON[map[string]any](t, body)["status"] != "error" {
		t.Errorf("%d %v %s", code, header, body)
	}
	for path, mark := range map[string]string{"/api/unknown": "ERROR_AI_NOT_EXISTS", "/v1/unknown": "resource_not_found", "/public/v1/unknown": "detail"} {
		if code, body := get(t, s.url+path, ""); code != http.StatusNotFound || !bytes.Contains(body, []byte(mark)) {
			t.Errorf("%s: %d %s", path, code, body)
		}
	}
}

func TestRefusesToBeOpenWithoutKeys(t *testing.T) {
	t.Parallel()
	got := program(t, "serve", "--listen", "0.0.0.0:0", "--data", t.TempDir())
	if got.code != exitFailed || !strings.Contains(got.stderr, "keys new") {
		t.Errorf("%d %s", got.code, got.stderr)
	}
}

func TestGracefulStop(t *testing.T) {
	t.Parallel()
	s := serve(t, pretend.Plain)
	if code := s.stop(); code != exitOK {
		t.Errorf("exit code %d:\n%s", code, s.log)
	}
	if _, err := client().Get(s.url + "/healthz"); err == nil {
		t.Error("the port is still open")
	}
	if _, err := os.Stat(filepath.Join(s.data, "attach.json")); !os.IsNotExist(err) {
		t.Errorf("the attachment is left: %v", err)
	}
}

func TestKeys(t *testing.T) {
	t.Parallel()
	s := serve(t, pretend.Plain)
	picture := pngOf(t, textured(60, 40, false))
	try := func(key string) int {
		code, _, _ := send(t, form(t, s.url+"/public/v1/image-tune/upscale", "image", picture, "scale=1K"), key)
		return code
	}
	if code := try(""); code != http.StatusOK {
		t.Errorf("without keys: %d", code)
	}
	key := keys(t, s.data, "new", "shop", "--credits", "2") // while the server runs
	id := keyID(t, s.data)
	// The server may believe for a second that there are no keys.
	eventually(t, "calls without a key", s.log, func() string {
		if code := try(""); code != http.StatusUnauthorized {
			return fmt.Sprint("answer ", code)
		}
		return ""
	})
	if first, second, third := try(key), try(key), try(key); first != 200 || second != 200 || third != http.StatusPaymentRequired {
		t.Errorf("two credits: %d %d %d", first, second, third)
	}
	if balance := keys(t, s.data, "topup", id, "3"); balance != "3" {
		t.Errorf("balance %s", balance)
	}
	keys(t, s.data, "disable", id)
	if code := try(key); code != http.StatusNotFound {
		t.Errorf("disabled: %d", code)
	}
	keys(t, s.data, "enable", id)
	if code := try(key); code != http.StatusOK {
		t.Errorf("enabled: %d", code)
	}
	s.stop()
	if table := keys(t, s.data, "list"); !strings.Contains(table, "shop") || strings.Contains(table, key) {
		t.Errorf("with the server stopped:\n%s", table)
	}
}

// Exactly the affordable number of parallel requests succeeds.
func TestCreditsUnderParallelRequests(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	key := keys(t, data, "new", "shop", "--credits", "30")
	s := serve(t, pretend.Plain, "--data", data)
	picture := pngOf(t, textured(40, 40, false))
	codes := make(chan int, 100)
	for range 100 {
		request := form(t, s.url+"/v1/upscale", "image", picture)
		go func() {
			code, _, _ := send(t, request, key)
			codes <- code
		}()
	}
	count := map[int]int{}
	for range 100 {
		count[<-codes]++
	}
	if count[http.StatusOK] != 30 || count[http.StatusBadRequest] != 70 {
		t.Errorf("answers %v", count)
	}
}

func TestClientThatLeavesCancels(t *testing.T) {
	t.Parallel()
	s := serve(t, pretend.Blocked)
	request := form(t, s.url+"/v1/services/image-upscaling", "file", pngOf(t, textured(40, 40, false)))
	impatient := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	left := make(chan error, 1)
	ctx, leave := context.WithCancel(t.Context())
	go func() {
		response, err := impatient.Do(request.WithContext(ctx))
		if err == nil {
			_, _ = io.Copy(io.Discard, response.Body)
			response.Body.Close()
		}
		left <- err
	}()
	s.waitForLog(t, pretend.Begun)
	leave()
	if err := <-left; err == nil {
		t.Error("the call was answered")
	}
	s.waitForLog(t, `"outcome":"canceled"`)
}

// A stop hands running work back within the grace, and the next process
// finishes it.
func TestStopHandsWorkOn(t *testing.T) {
	t.Parallel()
	s := serve(t, pretend.Blocked, "--set", "queue.grace=200ms")
	_, _, body := send(t, form(t, s.url+"/public/v1/image-tune/upscale", "image", pngOf(t, textured(40, 40, false)), "scale=1K"), "")
	id := decodeJSON[map[string]string](t, body)["job_id"]
	s.waitForLog(t, pretend.Begun)
	if code := s.stop(); code != exitOK {
		t.Errorf("exit code %d:\n%s", code, s.log)
	}
	next := serve(t, pretend.Plain, "--data", s.data)
	finished(t, next.url+"/job/"+id, "", func(body []byte) bool { return bytes.Contains(body, []byte("Succeed")) })
}

// The server's own share of a small image's time.
func TestOverhead(t *testing.T) {
	if testing.Short() {
		t.Skip("times mean nothing under the race detector")
	}
	s := serve(t, pretend.Plain)
	picture := jpegOf(t, textured(256, 256, false))
	var all []float64
	for range 21 {
		started := time.Now()
		_, _, body := send(t, form(t, s.url+"/v1/services/image-upscaling?scale_factor=2", "file", picture), "")
		wall := time.Since(started)
		answer := decodeJSON[struct {
			Result struct {
				Milliseconds float64 `json:"processing_time_ms"`
			}
		}](t, body)
		all = append(all, float64(wall)/float64(time.Millisecond)-answer.Result.Milliseconds)
	}
	slices.Sort(all)
	median := all[len(all)/2]
	t.Logf("median overhead %.1f ms", median)
	if limit := timeLimit(30 * time.Millisecond); median > float64(limit)/float64(time.Millisecond) {
		t.Errorf("median overhead %.1f ms, more than %v", median, limit)
	}
}
