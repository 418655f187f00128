//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// soakLoad is shared by the clients of a soak test.
type soakLoad struct {
	url, key string
	// outside is an HTTPS server with images to download, at
	// /NAME, and takes webhooks.
	outside  string
	pictures map[string][]byte
	// retention is how long results live.
	retention time.Duration

	mutex sync.Mutex
	// made has, by case, the different results that came, with their number.
	made map[string]map[[sha256.Size]byte]*soakResult
	// done counts the actions, by kind.
	done map[string]int
	// wrong are the first mistakes.
	wrong []string
	// past are links to results, oldest first.
	past []soakLink
}

type soakResult struct {
	picture []byte
	times   int
}

// soakLink is the signed URL of a result that was finished by a time.
type soakLink struct {
	url      string
	finished time.Time
}

// mistake records a response that no client should get.
func (l *soakLoad) mistake(format string, args ...any) {
	const most = 20
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if l.done["mistakes"]++; len(l.wrong) < most {
		l.wrong = append(l.wrong, fmt.Sprintf(format, args...))
	}
}

func (l *soakLoad) count(kind string) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.done[kind]++
}

// keep notes the result of a case.
func (l *soakLoad) keep(name string, picture []byte) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if l.made[name] == nil {
		l.made[name] = map[[sha256.Size]byte]*soakResult{}
	}
	sum := sha256.Sum256(picture)
	if l.made[name][sum] == nil {
		l.made[name][sum] = &soakResult{picture: picture}
	}
	l.made[name][sum].times++
}

// remember notes a link, to ask for it when it has expired.
func (l *soakLoad) remember(url string) {
	const most = 1000
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if len(l.past) < most {
		l.past = append(l.past, soakLink{url, time.Now()})
	}
}

// expired returns a link whose result must be gone, or "".
func (l *soakLoad) expired() string {
	const margin = 30 * time.Second // the store looks for what is over now and then
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if len(l.past) == 0 || time.Since(l.past[0].finished) < l.retention+margin {
		return ""
	}
	oldest := l.past[0]
	l.past = l.past[1:]
	return oldest.url
}

// soakClient is one client with connections of its own, which it keeps as real
// ones do.
type soakClient struct {
	*soakLoad
	t      *testing.T
	http   *http.Client
	random *rand.Rand
}

// newClient makes one; done closes its connections.
func (l *soakLoad) newClient(t *testing.T, seed int64) (c *soakClient, done func()) {
	const patience = 5 * time.Minute
	transport := &http.Transport{MaxIdleConnsPerHost: 2}
	c = &soakClient{l, t, &http.Client{Transport: transport, Timeout: patience}, rand.New(rand.NewSource(seed))}
	return c, transport.CloseIdleConnections
}

// one says yes one time in so many.
func (c *soakClient) one(in int) bool { return c.random.Intn(in) == 0 }

// send sends a request, with the key unless it has one, and reads the response.
func (c *soakClient) send(r *http.Request) (*http.Response, []byte, error) {
	if r.Header.Get("Authorization") == "" {
		r.Header.Set("Authorization", "Bearer "+c.key)
	}
	response, err := c.http.Do(r)
	if err != nil {
		return nil, nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return response, body, err
}

// want is send for an answer of that status.
func (c *soakClient) want(status int, r *http.Request) ([]byte, error) {
	response, body, err := c.send(r)
	if err == nil && response.StatusCode != status {
		err = fmt.Errorf("%s %s: %d and not %d: %.300s", r.Method, r.URL.Path, response.StatusCode, status, body)
	}
	return body, err
}

// text is want for a text within the answer's JSON.
func (c *soakClient) text(status int, r *http.Request, path ...any) (string, error) {
	body, err := c.want(status, r)
	if err != nil {
		return "", err
	}
	return textInside(body, path...)
}

func textInside(body []byte, path ...any) (string, error) {
	value, err := inside(body, path...)
	text, is := value.(string)
	if err == nil && !is {
		err = fmt.Errorf("%v is no text in %s", path, body)
	}
	return text, err
}

// get is a request to a path of the server, or to a whole URL.
func (c *soakClient) get(path string) *http.Request { return c.request(http.MethodGet, path, nil) }

func (c *soakClient) request(method, path string, body io.Reader) *http.Request {
	if !strings.HasPrefix(path, "http") {
		path = c.url + path
	}
	r, err := http.NewRequest(method, path, body)
	if err != nil {
		c.t.Error(err)
		return &http.Request{}
	}
	return r
}

// json is a POST that waits.
func (c *soakClient) json(path, body string) *http.Request {
	r := c.request(http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Prefer", "wait")
	return r
}

// form is a form with one image.
func (c *soakClient) form(path, field string, picture []byte, fields ...string) *http.Request {
	return form(c.t, c.url+path, field, picture, fields...)
}

// poll asks until the state is final, and returns the response.
func (c *soakClient) poll(path, field string, passing ...string) ([]byte, error) {
	const pause = 100 * time.Millisecond
	for {
		body, err := c.want(http.StatusOK, c.get(path))
		if err != nil {
			return nil, err
		}
		state, err := textInside(body, field)
		if err != nil || !strings.Contains(strings.Join(passing, " "), state) {
			return body, err
		}
		time.Sleep(pause)
	}
}

// download reads a result as clients do: whole, in parts, not at all when it
// is there already. A link that was changed opens nothing.
func (c *soakClient) download(url string) ([]byte, error) {
	response, picture, err := c.send(c.get(url))
	if err != nil || response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %v, %w", url, response, err)
	}
	if strings.Contains(url, "sig=") {
		c.remember(url)
	}
	if !c.one(3) {
		return picture, nil
	}
	c.count("downloads in parts")
	part, kept := c.get(url), c.get(url)
	part.Header.Set("Range", "bytes=10-99")
	kept.Header.Set("If-None-Match", response.Header.Get("ETag"))
	got, partErr := c.want(http.StatusPartialContent, part)
	if partErr == nil && !bytes.Equal(got, picture[10:100]) {
		partErr = errors.New("the part is of another picture")
	}
	_, keptErr := c.want(http.StatusNotModified, kept)
	_, headErr := c.want(http.StatusOK, c.request(http.MethodHead, url, nil))
	return picture, errors.Join(partErr, keptErr, headErr)
}

// cut sends a request and hangs up after a while, mostly before the answer.
func (c *soakClient) cut(r *http.Request, after time.Duration) {
	ctx, stop := context.WithTimeout(context.Background(), after)
	defer stop()
	_, _, _ = c.send(r.WithContext(ctx)) // whatever it answers, nobody listens
}
