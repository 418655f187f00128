package scripts

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// gpu-check judges every promise of the guide's table, on a machine whose programs
// are stand-ins that keep or break all of them.
func TestGPUCheck(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../server/docs/gpu.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(page), "\n| name | promise |\n")
	table, _, _ = strings.Cut(table, "\n\n")
	promises := regexp.MustCompile("(?m)^\\| `([a-z0-9-]+)` \\| ").FindAllStringSubmatch(table, -1)
	if len(promises) < 11 {
		t.Fatalf("the guide has %d promises", len(promises))
	}
	stand, err := filepath.Abs("testdata/card")
	if err != nil {
		t.Fatal(err)
	}
	for card, want := range map[string]string{"good": "PASS", "bad": "FAIL"} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost && card == "bad" {
				w.WriteHeader(http.StatusInternalServerError)
			}
			fmt.Fprint(w, `{"state": "succeeded"}`)
		}))
		defer server.Close()
		output, err := run(t, []string{
			"PATH=" + stand + ":" + os.Getenv("PATH"), "UPSCALED=" + filepath.Join(stand, "upscaled"),
			"UPSCALED_HOME=" + t.TempDir(), "CARD=" + card, "CARD_SERVER=" + server.URL, "GPU_DEVICE=cuda:0", "GPU_PYTHON=python3",
		}, "gpu-check")
		if (err == nil) != (want == "PASS") || !strings.Contains(output, "\ngpu-check: "+want) {
			t.Errorf("a %s card: %v\n%s", card, err, output)
		}
		for _, promise := range promises {
			if !regexp.MustCompile(`(?m)^` + want + ` +` + promise[1] + ` `).MatchString(output) {
				t.Errorf("a %s card: %s is not %s\n%s", card, promise[1], want, output)
			}
		}
		if card == "good" {
			for _, row := range []string{"float16 58.2 dB", "10.5 ms, 20.25 images/s, busy 97.5 %", "nvidia-smi 93 %", "torch.compile  *12.0 ms", "18.5 s"} {
				if !regexp.MustCompile(row).MatchString(output) {
					t.Errorf("no %q\n%s", row, output)
				}
			}
		}
	}
}
