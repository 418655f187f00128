//go:build e2e

package e2e

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"hash/crc32"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"upscaled/cmd/upscaled/e2e/pretend"
)

// tinyFrames is an animated PNG of 70x70 pixels whose frames of one pixel are cheap
// to send; the last one is damaged, so that it fails at its very end.
func tinyFrames(frames int) []byte {
	number := func(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }
	var file bytes.Buffer
	file.WriteString("\x89PNG\r\n\x1a\n")
	chunk := func(kind string, parts ...[]byte) {
		body := append([]byte(kind), bytes.Join(parts, nil)...)
		file.Write(number(uint32(len(body) - 4)))
		file.Write(body)
		file.Write(number(crc32.ChecksumIEEE(body)))
	}
	packed := func(side int) []byte {
		var out bytes.Buffer
		w := zlib.NewWriter(&out)
		_, _ = w.Write(make([]byte, side*(1+3*side)))
		_ = w.Close()
		return out.Bytes()
	}
	control := func(side uint32) {
		chunk("fcTL", number(0), number(side), number(side), number(0), number(0), []byte{0, 1, 0, 10, 0, 0})
	}
	chunk("IHDR", number(70), number(70), []byte{8, 2, 0, 0, 0})
	chunk("acTL", number(uint32(frames)), number(0))
	control(70)
	chunk("IDAT", packed(70))
	pixel := packed(1)
	for range frames - 2 {
		control(1)
		chunk("fdAT", number(0), pixel)
	}
	control(1)
	chunk("fdAT", number(0), []byte("no deflate"))
	chunk("IEND")
	return file.Bytes()
}

// Small files that are slow to check delay nobody else's upload.
func TestUploadBesideAnimations(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("measures time")
	}
	server := serve(t, pretend.Plain)
	attack, honest := tinyFrames(19_000), pngOf(t, textured(60, 40, false))
	stop := make(chan struct{})
	var attackers sync.WaitGroup
	var mutex sync.Mutex
	attacks := 0
	for range 3 {
		attackers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				code, _, body := send(t, form(t, server.url+"/api/v1/jobs", "file", attack), "")
				if code != http.StatusBadRequest {
					t.Errorf("the attack: %d %s", code, body)
				}
				mutex.Lock()
				attacks++
				mutex.Unlock()
			}
		})
	}
	var took []time.Duration
	for len(took) < 15 {
		time.Sleep(100 * time.Millisecond)
		began := time.Now()
		if code, _, body := send(t, form(t, server.url+"/api/v1/jobs", "file", honest), ""); code != http.StatusAccepted {
			t.Fatalf("an honest upload: %d %s", code, body)
		}
		took = append(took, time.Since(began))
	}
	close(stop)
	attackers.Wait()
	slices.Sort(took)
	t.Logf("honest uploads: median %s, slowest %s; %d attacks of %d bytes", took[len(took)/2], took[len(took)-1], attacks, len(attack))
	if median := took[len(took)/2]; median > time.Second {
		t.Errorf("an honest upload takes %s", median)
	}
}
