package worker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"upscaled/server/scratch"
)

// copies are local files of films, which ffmpeg reads. All methods may be called
// concurrently.
type copies struct {
	folder *scratch.Folder
	mutex  sync.Mutex
	films  map[string]*localFilm
}

// localFilm is a copy of one film.
type localFilm struct {
	users int
	done  chan struct{} // closed when it is written; then path and err are set
	path  string
	err   error
}

// idleFilm is how long a film's file is kept that nothing reads.
const idleFilm = time.Minute

// open returns the path of a film's copy, which fetch reads if there is none yet, until
// release is called.
func (c *copies) open(ctx context.Context, id string, fetch func(context.Context) (io.ReadCloser, error)) (path string, release func(), err error) {
	for {
		c.mutex.Lock()
		f, known := c.films[id]
		if !known {
			f = &localFilm{done: make(chan struct{})}
			c.films[id] = f
		}
		f.users++
		c.mutex.Unlock()
		release = sync.OnceFunc(func() { c.release(id, f) })
		if !known {
			f.path, f.err = c.write(ctx, fetch)
			close(f.done)
		}
		select {
		case <-f.done:
		case <-ctx.Done():
			release()
			return "", nil, ctx.Err()
		}
		if f.err == nil {
			return f.path, release, nil
		}
		c.mutex.Lock()
		if c.films[id] == f {
			delete(c.films, id)
		}
		c.mutex.Unlock()
		release()
		if !known { // else another caller's context may have ended
			return "", nil, f.err
		}
	}
}

// release ends the use of a copy, which is removed unless it is opened again.
func (c *copies) release(id string, f *localFilm) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	f.users--
	time.AfterFunc(idleFilm, func() {
		c.mutex.Lock()
		defer c.mutex.Unlock()
		if c.films[id] == f && f.users == 0 {
			delete(c.films, id)
			_ = os.Remove(f.path)
		}
	})
}

// write copies a film to a file and returns its path.
func (c *copies) write(ctx context.Context, fetch func(context.Context) (io.ReadCloser, error)) (string, error) {
	from, err := fetch(ctx)
	if err != nil {
		return "", err
	}
	defer from.Close()
	file, err := c.folder.Create("film-*")
	if err != nil {
		return "", err
	}
	_, err = io.Copy(file, from)
	if err = errors.Join(err, file.Close()); err != nil {
		return "", errors.Join(fmt.Errorf("copy film: %w", err), os.Remove(file.Name()))
	}
	return file.Name(), nil
}
