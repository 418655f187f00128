package artifact

import (
	"context"
	"os"
	"sync"

	"upscaled/models/fault"
)

// Packages shares downloaded npm packages among the fetches that use one at the same
// time, and among all until the function that Keep returned is called. The zero value
// is ready.
type Packages struct {
	// Folder is where packages are downloaded; "" means the temporary folder. It must
	// exist by then.
	Folder string

	mutex sync.Mutex
	kept  int // calls of Keep that have not ended
	all   map[string]*packed
}

// packed is a package that is being downloaded, or whole once ready is closed.
type packed struct {
	users        int
	ready        chan struct{}
	folder, path string
	err          error
}

// Keep keeps packages that nobody uses any more until end is called.
func (p *Packages) Keep() (end func()) {
	p.change(func() { p.kept++ })
	return sync.OnceFunc(func() { p.change(func() { p.kept-- }) })
}

// change runs a function and then removes packages that nobody needs.
func (p *Packages) change(do func()) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	do()
	for name, t := range p.all {
		if t.users == 0 && (p.kept == 0 || t.err != nil) {
			delete(p.all, name)
			_ = os.RemoveAll(t.folder) // a crash leaves it behind, too
		}
	}
}

// get returns the path of a package, which pack downloads to a folder unless another
// call has. The file stays until release is called.
func (p *Packages) get(ctx context.Context, name string, pack func(folder string) (string, error)) (path string, release func(), err error) {
	for {
		var t *packed
		first := false
		p.change(func() {
			if t = p.all[name]; t == nil {
				if p.all == nil {
					p.all = map[string]*packed{}
				}
				t, first = &packed{ready: make(chan struct{})}, true
				p.all[name] = t
			}
			t.users++
		})
		release := func() { p.change(func() { t.users-- }) }
		if first {
			p.download(t, pack)
		}
		select {
		case <-t.ready:
		case <-ctx.Done():
			release()
			return "", nil, ctx.Err()
		}
		if t.err == nil {
			return t.path, release, nil
		}
		release()
		// The call that downloaded it may have been canceled.
		if first || fault.KindOf(t.err) != fault.Canceled {
			return "", nil, t.err
		}
	}
}

// download makes a package ready.
func (p *Packages) download(t *packed, pack func(folder string) (string, error)) {
	defer close(t.ready)
	folder, err := os.MkdirTemp(p.Folder, "upscaled-npm-")
	if err != nil {
		t.err = &localError{err}
		return
	}
	t.folder = folder
	t.path, t.err = pack(folder)
}
