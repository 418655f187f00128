//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
)

// soakOddities are what clients do beside jobs that succeed; each is one turn
// of a client.
func soakOddities() map[string]func(*soakClient) error {
	return map[string]func(*soakClient) error{
		"bad pictures and requests": (*soakClient).refused, "broken pictures": (*soakClient).broken,
		"jobs canceled": (*soakClient).cancel, "calls hung up": (*soakClient).leave,
		"uploads cut": (*soakClient).cutUpload, "downloads and events cut": (*soakClient).cutDownload,
		"expired links asked for": (*soakClient).askExpired, "pages and lists": (*soakClient).browse,
	}
}

// refused are requests that no job is made of.
func (c *soakClient) refused() error {
	text, cut := []byte(strings.Repeat("this is no picture. ", 100)), c.pictures["photo.jpg"][:700]
	bomb := slices.Clone(c.pictures["alpha.png"])
	copy(bomb[16:], []byte{0, 1, 0x80, 0, 0, 1, 0x80, 0}) // 98304x98304 pixels in IHDR
	wrong := c.form("/api/v1/jobs", "file", c.pictures["gray.png"])
	wrong.Header.Set("Authorization", "Bearer sk-live-nobody")
	encoded := base64.StdEncoding.EncodeToString(text)
	requests := []*http.Request{
		c.form("/v1/upscale", "image", text), c.form("/v1/services/image-upscaling", "file", text),
		c.form("/public/v1/image-tune/upscale", "image", text, "scale=1K"), c.form("/api/v1/jobs", "file", bomb),
		c.form("/api/image/enhance/image-lossless-enlargement", "image", cut), c.form("/api/v1/jobs", "file", nil),
		c.json("/v1/upscale", `{"image":"data:image/png;base64,`+encoded+`"}`), c.json("/v1/upscale", `{"image":`),
		c.json("/v1/models/nightmareai/real-esrgan/predictions", `{"input":{"image":"data:image/png;base64,`+encoded+`"}}`),
		c.json("/api/v1/jobs", `{"url":"`+c.outside+`/missing"}`), c.json("/api/v1/jobs", `{"url":"https://10.0.0.1/"}`),
		c.form("/api/v1/jobs", "file", c.pictures["gray.png"], "scale=99"), c.get("/api/v1/jobs/up_unknown"), c.get("/nothing"),
		c.get("/v1/files/up_unknown?expires=1&sig=2"), wrong, c.request("BREW", "/v1/credits", nil),
	}
	response, body, err := c.send(requests[c.random.Intn(len(requests))])
	if err == nil && (response.StatusCode < 400 || response.StatusCode >= 500) {
		err = fmt.Errorf("%s %s is not refused: %d %.200s", response.Request.Method, response.Request.URL, response.StatusCode, body)
	}
	return err
}

// broken are images whose headers are right: the job is refused or fails.
func (c *soakClient) broken() error {
	whole := c.pictures[[]string{"photo.jpg", "portrait.png", "frames.gif", "scan.tiff", "small.webp"}[c.random.Intn(5)]]
	damaged := slices.Clone(whole)
	for range 20 {
		damaged[len(damaged)/3+c.random.Intn(2*len(damaged)/3)] ^= byte(1 + c.random.Intn(255))
	}
	if c.one(2) {
		damaged = damaged[:len(damaged)*2/3]
	}
	r := c.form("/api/v1/jobs", "file", damaged, "scale=2")
	r.Header.Set("Prefer", "wait")
	response, body, err := c.send(r)
	if err == nil && response.StatusCode >= 500 {
		err = fmt.Errorf("a damaged picture: %d %.300s", response.StatusCode, body)
	}
	if err == nil && bytes.Contains(body, []byte(`"kind":"internal"`)) {
		err = fmt.Errorf("a damaged picture is an error of the server: %.600s", body)
	}
	return err
}

// cancel ends a job while it waits or runs.
func (c *soakClient) cancel() error {
	id, err := c.text(202, c.form("/api/v1/jobs", "file", c.pictures["large.jpg"], "scale=4"), "id")
	if err != nil {
		return err
	}
	time.Sleep(time.Duration(c.random.Intn(1000)) * time.Millisecond)
	state, err := c.text(200, c.request(http.MethodPost, "/api/v1/jobs/"+id+"/cancel", nil), "state")
	if err == nil && state != "canceled" && state != "succeeded" {
		err = fmt.Errorf("a canceled job is %s", state)
	}
	return err
}

// leave hangs up while the server works for the client.
func (c *soakClient) leave() error {
	large := c.pictures["large.jpg"]
	encoded := base64.StdEncoding.EncodeToString(large)
	waits := c.form("/api/v1/jobs", "file", c.pictures["photo.jpg"], "scale=2")
	waits.Header.Set("Prefer", "wait")
	requests := []*http.Request{
		c.form("/v1/services/image-upscaling", "file", large), c.form("/v1/upscale", "image", large), waits,
		c.form("/api/image/enhance/image-lossless-enlargement", "image", large, "mode=base"),
		c.json("/v1/upscale", `{"image":"data:image/jpeg;base64,`+encoded+`"}`),
		c.json("/sdapi/v1/extra-single-image", `{"upscaler_1":"R-ESRGAN General 4xV3","image":"`+encoded+`"}`),
		c.json("/v1/models/nightmareai/real-esrgan/predictions", `{"input":{"image":"data:image/jpeg;base64,`+encoded+`"}}`),
	}
	c.cut(requests[c.random.Intn(len(requests))], time.Duration(1+c.random.Intn(1000))*time.Millisecond)
	return nil
}

// cutUpload hangs up in the middle of a request.
func (c *soakClient) cutUpload() error {
	connection, err := net.Dial("tcp", strings.TrimPrefix(c.url, "http://"))
	if err != nil {
		return err
	}
	defer connection.Close()
	r := c.form("/api/v1/jobs", "file", c.pictures["large.jpg"])
	r.Header.Set("Authorization", "Bearer "+c.key)
	var text bytes.Buffer
	if err := r.Write(&text); err != nil {
		return err
	}
	_, err = connection.Write(text.Bytes()[:c.random.Intn(text.Len())])
	return err
}

// cutDownload takes the first bytes of a result, or the first event, and no
// more.
func (c *soakClient) cutDownload() error {
	id, err := c.text(202, c.form("/api/v1/jobs", "file", c.pictures["large.jpg"], "scale=4", "format=tiff"), "id")
	if err != nil {
		return err
	}
	first := func(path string) error {
		ctx, stop := context.WithCancel(context.Background())
		defer stop()
		r := c.get(path).WithContext(ctx)
		r.Header.Set("Authorization", "Bearer "+c.key)
		response, err := c.http.Do(r)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("%s: %s", path, response.Status)
		}
		_, err = io.ReadFull(response.Body, make([]byte, 100))
		return err
	}
	if err := first("/api/v1/jobs/" + id + "/events"); err != nil {
		return err
	}
	if c.one(2) {
		_, err = c.want(http.StatusNoContent, c.request(http.MethodDelete, "/api/v1/jobs/"+id, nil))
		return err
	}
	return errors.Join(c.follow("/api/v1/jobs/"+id+"/events", 1), first("/api/v1/jobs/"+id+"/result"))
}

// askExpired asks for a result that is older than results get.
func (c *soakClient) askExpired() error {
	url := c.expired()
	if url == "" {
		return errNothingYet
	}
	response, body, err := c.send(c.get(url))
	if err == nil && response.StatusCode != http.StatusNotFound {
		err = fmt.Errorf("%s has expired: %d, %d bytes", url, response.StatusCode, len(body))
	}
	return err
}

// errNothingYet is of a turn for which the time has not come.
var errNothingYet = errors.New("nothing yet")

// browse sends requests that create no job.
func (c *soakClient) browse() error {
	paths := []string{
		"/", "/docs", "/docs/native", "/openapi.json", "/healthz", "/readyz", "/api/v1/system", "/api/v1/models",
		"/api/v1/devices", "/api/v1/account", "/api/v1/jobs?limit=100", "/v1/predictions", "/v1/credits", "/sdapi/v1/progress",
		"/sdapi/v1/upscalers", "/api/common/query-credits",
	}
	r := c.get(paths[c.random.Intn(len(paths))])
	r.Header.Set("ailabapi-api-key", c.key)
	_, err := c.want(http.StatusOK, r)
	return err
}
