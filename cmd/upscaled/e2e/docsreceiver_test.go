//go:build e2e

package e2e

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// receiver marks programs that receive webhooks; documentedPort is their port.
const (
	receiver       = "receives webhooks"
	documentedPort = "9000"
)

// freePort returns a port that no process listens on at present.
func freePort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// receive starts a documented receiver and returns its URL and its output.
func receive(t *testing.T, e example, secret string) (url string, lines *bufio.Scanner) {
	t.Helper()
	interpreter, port := interpreterOf(t, e), freePort(t)
	file := filepath.Join(t.TempDir(), "receiver."+e.language)
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(e.text, documentedPort, port)), 0o666); err != nil {
		t.Fatal(err)
	}
	command := exec.Command(interpreter, file)
	command.Env = append(os.Environ(), "SECRET="+secret, "PYTHONUNBUFFERED=1")
	command.Stderr = os.Stderr
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	})
	address := "127.0.0.1:" + port
	eventually(t, "the receiver's port", nil, func() string {
		connection, err := net.Dial("tcp", address)
		if err != nil {
			return err.Error()
		}
		_ = connection.Close()
		return ""
	})
	return "http://" + address + "/", bufio.NewScanner(out)
}

// The receivers of the manual take this server's calls and refuse forged ones.
func TestDocumentedReceivers(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	secret := keys(t, data, "webhook-secret")
	server := startProcess(t, data, nil, "--set", "fetch.http=true", "--set", "fetch.ranges=127.0.0.0/8")
	found := 0
	for _, e := range examples(t, "js", "python") {
		if e.mark != receiver {
			continue
		}
		found++
		t.Run(e.language, func(t *testing.T) {
			url, lines := receive(t, e, secret)
			for _, forged := range []map[string]string{
				nil, {"webhook-id": "msg_1", "webhook-timestamp": "1", "webhook-signature": "v1,AAAA"}, {"webhook-timestamp": "nonsense", "webhook-signature": "v1,ä"},
			} {
				request, err := http.NewRequest(http.MethodPost, url, strings.NewReader(`{"id":"up_x","state":"succeeded"}`))
				if err != nil {
					t.Fatal(err)
				}
				for name, value := range forged {
					request.Header.Set(name, value)
				}
				response, err := client().Do(request)
				if err != nil {
					t.Fatal(err)
				}
				_, _ = io.Copy(io.Discard, response.Body)
				_ = response.Body.Close()
				if response.StatusCode != http.StatusBadRequest {
					t.Errorf("a forged call %v is answered %d", forged, response.StatusCode)
				}
			}
			code, _, body := send(t, form(t, server.url+"/api/v1/jobs", "file", pngOf(t, textured(40, 30, false)), "webhook="+url), "")
			if code != http.StatusAccepted {
				t.Fatalf("%d %s", code, body)
			}
			want := at(t, body, "id").(string) + " succeeded "
			if !lines.Scan() || !strings.HasPrefix(lines.Text(), want) {
				t.Errorf("the receiver says %q, %v, not %q", lines.Text(), lines.Err(), want)
			}
		})
	}
	if found != 2 {
		t.Errorf("%d receivers", found)
	}
}
