package models

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"upscaled/models/fault"
	"upscaled/models/network"
	"upscaled/models/onnx"
)

func TestPullStoresAndDescribes(t *testing.T) {
	t.Parallel()
	s, site := fixture(t, Options{})
	var steps []Progress
	e, err := s.Pull(t.Context(), "RealESR_general_x4v3", func(p Progress) { steps = append(steps, p) })
	if err != nil {
		t.Fatal(err)
	}
	if !e.Installed || e.Name != generalModel || e.Architecture != network.SRVGGNetCompact || e.Scale != 2 || e.Licence != "MIT" || len(e.Sources) != 1 || e.InstalledAt.IsZero() {
		t.Errorf("the entry is %+v", e)
	}
	if last := steps[len(steps)-1]; last.Name != generalModel || last.Done != last.Total || last.Total == 0 {
		t.Errorf("the last progress is %+v", last)
	}
	if got := stored(t, s); len(got) != 2 || !strings.HasPrefix(got[1], "models/realesr-general-x4v3/weights-") {
		t.Errorf("the store holds %v", got)
	}
	before := site.requests.Load()
	if again, err := s.Pull(t.Context(), generalModel, nil); err != nil || again.SHA256 != e.SHA256 || site.requests.Load() != before {
		t.Errorf("pulled again: %v, %d requests", err, site.requests.Load()-before)
	}
	listed := s.List()
	if !listed[0].Installed || listed[1].Installed || listed[0].DefaultFor[0] != "cpu" {
		t.Errorf("the list is %+v", listed)
	}
}

func TestLoadFetchesOnFirstUse(t *testing.T) {
	t.Parallel()
	s, _ := fixture(t, Options{})
	n, err := s.Load(t.Context(), "anime-video-v3", nil)
	if fault.KindOf(err) != fault.NotFound || n != nil {
		t.Errorf("a part of a name gives %v", err)
	}
	n, err = s.Load(t.Context(), "realesr-animevideov3", nil)
	if err != nil {
		t.Fatal(err)
	}
	e, _ := s.Entry("realesr-animevideov3")
	if n.ID() != e.SHA256 || n.Info().Scale != 2 || !strings.HasSuffix(e.Sources[0], "/anime") {
		t.Errorf("ID %s, entry %+v", n.ID(), e)
	}
	if again, err := s.Load(t.Context(), "realesr-animevideov3", nil); err != nil || again != n {
		t.Errorf("a second load gives another network, %v", err)
	}
}

func TestConcurrentLoadsShare(t *testing.T) {
	t.Parallel()
	s, site := fixture(t, Options{})
	found := make([]*network.Network, 16)
	var group sync.WaitGroup
	for i := range found {
		group.Go(func() {
			var err error
			if found[i], err = s.Load(t.Context(), generalModel, nil); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	for _, n := range found {
		if n != found[0] {
			t.Error("two loads gave different networks")
		}
	}
	if got := site.requests.Load(); got != 1 {
		t.Errorf("%d downloads", got)
	}
}

// TestSeveralStoresOnOneFolder stands for several processes.
func TestSeveralStoresOnOneFolder(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	var group sync.WaitGroup
	for range 4 {
		s, _ := fixture(t, Options{Home: home})
		group.Go(func() {
			if _, err := s.Load(t.Context(), generalModel, nil); err != nil {
				t.Error(err)
			}
			if _, err := s.RuntimeLibrary(t.Context(), "cpu"); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	s, _ := fixture(t, Options{Home: home, Offline: true})
	results, err := s.Verify(t.Context())
	if err != nil || len(results) != 2 || results[0].Err != nil || results[1].Err != nil {
		t.Errorf("verify gives %+v, %v", results, err)
	}
	if got := stored(t, s); len(got) != 4 {
		t.Errorf("the store holds %v", got)
	}
}

func TestDenoise(t *testing.T) {
	t.Parallel()
	s, _ := fixture(t, Options{})
	load := func(strength float64) *network.Network {
		t.Helper()
		n, err := s.Load(t.Context(), generalModel, &strength)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	plain, err := s.Load(t.Context(), generalModel, nil)
	if err != nil {
		t.Fatal(err)
	}
	twin, err := s.Load(t.Context(), denoisingModel, nil)
	if err != nil {
		t.Fatal(err)
	}
	quarter := load(0.25)
	// Once the variant is installed, the default is the published program's.
	if standard, err := s.Load(t.Context(), "RealESR general x4v3", nil); err != nil || !bytes.Equal(graph(t, standard), graph(t, mean(t, 0.5, 1, 2))) {
		t.Errorf("the default is not a half of both: %v", err)
	}
	if load(1) != plain || load(0) != twin || load(0.25) != quarter || load(0.5).ID() == quarter.ID() {
		t.Error("the ends are not the networks themselves, or mixes are confused")
	}
	if !bytes.Equal(graph(t, mean(t, 0.25, 1, 2)), graph(t, quarter)) {
		t.Error("0.25 is not a quarter of the first and three quarters of the second")
	}
	for strength, name := range map[float64]string{0.5: "realesr-animevideov3", -0.1: generalModel, 1.1: generalModel} {
		if _, err := s.Load(t.Context(), name, &strength); err == nil {
			t.Errorf("%s takes the strength %g", name, strength)
		}
	}
}

func graph(t *testing.T, n *network.Network) []byte {
	t.Helper()
	data, err := n.Graph(network.Options{Precision: network.Float32, Sample: network.Uint8, Channels: 3, Borders: network.AllBorders})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestExportIsONNX(t *testing.T) {
	t.Parallel()
	s, _ := fixture(t, Options{})
	var file bytes.Buffer
	options := network.Options{Precision: network.Float16, Sample: network.Uint8, Channels: 3, Borders: network.AllBorders}
	if err := s.Export(t.Context(), generalModel, options, &file); err != nil {
		t.Fatal(err)
	}
	if parsed, err := onnx.Parse(file.Bytes()); err != nil || parsed.Inputs[0].Name != network.InputName {
		t.Errorf("the file parses as %+v, %v", parsed, err)
	}
}

func TestOfflineNamesTheCommand(t *testing.T) {
	t.Parallel()
	s, site := fixture(t, Options{Offline: true})
	_, loading := s.Load(t.Context(), generalModel, nil)
	_, pulling := s.Pull(t.Context(), generalModel, nil)
	_, library := s.RuntimeLibrary(t.Context(), "cpu")
	for command, err := range map[string]error{
		"run 'upscaled models pull realesr-general-x4v3'": loading, "models pull realesr-general-x4v3": pulling,
		"upscaled models pull onnxruntime": library,
	} {
		if fault.KindOf(err) != fault.ModelMissing || !strings.Contains(fault.Sentence(err), command) {
			t.Errorf("%s: %v", command, err)
		}
	}
	if site.requests.Load() != 0 || len(stored(t, s)) != 0 {
		t.Error("something was fetched")
	}
}

func TestUnreachableListsEverySource(t *testing.T) {
	t.Parallel()
	s, site := fixture(t, Options{})
	site.answer = http.NotFound
	_, err := s.Load(t.Context(), "realesr-animevideov3", nil)
	sentence := fault.Sentence(err)
	if fault.KindOf(err) != fault.ModelMissing || strings.Count(sentence, "404") != 2 ||
		!strings.Contains(sentence, "/nowhere: ") || !strings.Contains(sentence, "/anime: ") || !strings.Contains(sentence, "models import anime.pth") {
		t.Errorf("the error says %s", sentence)
	}
	if got := stored(t, s); len(got) != 0 {
		t.Errorf("the store holds %v", got)
	}
}

func TestCanceledPullLeavesNothing(t *testing.T) {
	t.Parallel()
	s, site := fixture(t, Options{})
	site.answer = func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "1000")
		w.Write(make([]byte, 100))
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}
	ctx, cancel := context.WithCancel(t.Context())
	_, err := s.Pull(ctx, generalModel, func(Progress) { cancel() })
	if fault.KindOf(err) != fault.Canceled {
		t.Errorf("the error is %v", err)
	}
	if got := stored(t, s); len(got) != 0 {
		t.Errorf("the store holds %v", got)
	}
	site.answer = nil
	if _, err := s.Pull(t.Context(), generalModel, nil); err != nil {
		t.Errorf("a later pull says %v", err)
	}
}

func TestWrongKindOfModel(t *testing.T) {
	t.Parallel()
	s, _ := fixture(t, Options{})
	e, err := s.Pull(t.Context(), "yunet", nil)
	if err != nil || e.Kind != Face || !e.Installed {
		t.Fatalf("pulled %+v, %v", e, err)
	}
	for _, name := range []string{"yunet", runtimeName} {
		if _, err := s.Load(t.Context(), name, nil); fault.KindOf(err) != fault.Unsupported || !strings.Contains(fault.Sentence(err), generalModel) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDamageIsFoundAndMended(t *testing.T) {
	t.Parallel()
	s, _ := fixture(t, Options{})
	if _, err := s.Pull(t.Context(), generalModel, nil); err != nil {
		t.Fatal(err)
	}
	d, err := s.files.read(generalModel)
	if err != nil {
		t.Fatal(err)
	}
	folder := s.files.modelFolder(generalModel)
	for name, harm := range map[string]func(){
		"flipped bit":        func() { damage(t, filepath.Join(folder, d.File)) },
		"file gone":          func() { os.Remove(filepath.Join(folder, d.File)) },
		"file cut":           func() { os.Truncate(filepath.Join(folder, d.File), 100) },
		"descriptor gone":    func() { os.Remove(filepath.Join(folder, descriptorFile)) },
		"descriptor cut":     func() { os.Truncate(filepath.Join(folder, descriptorFile), 20) },
		"descriptor escapes": func() { escape(t, filepath.Join(folder, descriptorFile), d.File) },
	} {
		harm()
		results, err := s.Verify(t.Context())
		if err != nil || len(results) != 1 || !strings.Contains(fault.Sentence(results[0].Err), "upscaled models pull "+generalModel) {
			t.Errorf("%s: verify gives %+v, %v", name, results, err)
		}
		if _, err := s.Pull(t.Context(), generalModel, nil); err != nil {
			t.Errorf("%s: pull says %v", name, err)
		}
		if results, _ := s.Verify(t.Context(), "REALESR_GENERAL_X4V3"); results[0].Err != nil {
			t.Errorf("%s: after pull, %v", name, results[0].Err)
		}
	}
}

// escape makes a descriptor point outside its folder.
func escape(t *testing.T, path, file string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, bytes.ReplaceAll(text, []byte(file), []byte("../"+file)), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestRemove(t *testing.T) {
	t.Parallel()
	s, _ := fixture(t, Options{})
	if _, err := s.Pull(t.Context(), generalModel, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Pull(t.Context(), runtimeName, nil); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"Realesr-General-x4v3", runtimeName} {
		if err := s.Remove(name); err != nil {
			t.Error(err)
		}
		if err := s.Remove(name); fault.KindOf(err) != fault.NotFound {
			t.Errorf("%s removed twice: %v", name, err)
		}
	}
	if err := s.Remove(".."); fault.KindOf(err) != fault.NotFound {
		t.Errorf("..: %v", err)
	}
	if got := stored(t, s); len(got) != 0 {
		t.Errorf("the store holds %v", got)
	}
}

func TestRuntimeLibrary(t *testing.T) {
	t.Parallel()
	s, site := fixture(t, Options{})
	if got := s.InstalledLibrary("cpu"); got != "" {
		t.Errorf("installed: %s", got)
	}
	path, err := s.RuntimeLibrary(t.Context(), "cpu")
	if err != nil || filepath.Base(path) != "libonnxruntime.so" || s.InstalledLibrary("cpu") != path {
		t.Fatalf("%s, %v", path, err)
	}
	if content, _ := os.ReadFile(path); string(content) != "a library" {
		t.Errorf("the library is %q", content)
	}
	// Only missing or damaged files are downloaded again.
	damage(t, filepath.Join(filepath.Dir(path), "provider.so"))
	before := site.requests.Load()
	if _, err := s.Pull(t.Context(), runtimeName, nil); err != nil || site.requests.Load() != before+1 {
		t.Errorf("mending says %v after %d requests", err, site.requests.Load()-before)
	}
	if _, err := s.RuntimeLibrary(t.Context(), "cuda"); fault.KindOf(err) != fault.ModelMissing || !strings.Contains(fault.Sentence(err), "--onnxruntime") {
		t.Errorf("a library that cannot be had: %v", err)
	}
}

func TestExplicitRuntimeLibrary(t *testing.T) {
	t.Parallel()
	mine := write(t, "mine.so", []byte("mine"))
	s, site := fixture(t, Options{RuntimeLibrary: mine})
	if path, err := s.RuntimeLibrary(t.Context(), "cpu"); err != nil || path != mine || s.InstalledLibrary("cpu") != mine {
		t.Errorf("%s, %v", path, err)
	}
	s.libraries.chosen = mine + ".missing"
	if _, err := s.RuntimeLibrary(t.Context(), "cpu"); fault.KindOf(err) != fault.ModelMissing || s.InstalledLibrary("cpu") != "" {
		t.Errorf("a missing file: %v", err)
	}
	if site.requests.Load() != 0 {
		t.Error("something was fetched")
	}
}

func TestLoadedNetworksAreReleased(t *testing.T) {
	t.Parallel()
	var c cache
	for seed := range uint64(5) {
		n, err := network.Recognize(tensors(seed))
		if err != nil {
			t.Fatal(err)
		}
		key := string(rune('a' + seed))
		if c.put(key, n) != n || c.get(key) != n {
			t.Error("a network is not found again")
		}
		if other := *n; c.put(key, &other) != n {
			t.Error("a second network displaced one in use")
		}
	}
	if len(c.recent) != keptNetworks {
		t.Errorf("%d networks are kept", len(c.recent))
	}
	if got := slices.Index(c.recent, c.get("e")); got != keptNetworks-1 {
		t.Errorf("the latest is number %d", got)
	}
}

// A store for another system pulls that system's libraries.
func TestPlatform(t *testing.T) {
	t.Parallel()
	for platform, want := range map[string]string{"windows/amd64": "onnxruntime.dll", "linux/arm64": "libonnxruntime.so.1", "plan9/mips": ""} {
		store, err := Open(Options{Home: t.TempDir(), Platform: platform})
		if err != nil {
			t.Fatal(err)
		}
		p, found := store.files.product(runtimeName)
		if found != (want != "") || found && (p.forms[0][0].Name != want || !strings.Contains(p.version, strings.ReplaceAll(platform, "/", "-"))) {
			t.Errorf("%s: %+v", platform, p)
		}
	}
}
