package native

import (
	"context"
	"sync"

	"upscaled/models"
	"upscaled/server/dialect"
)

// pulls are the downloads that this process has begun, by name.
type pulls struct {
	mutex sync.Mutex
	all   map[string]*pull
}

// pull is a download, or one that failed.
type pull struct {
	progress Installing
	cancel   context.CancelFunc
	ended    bool
	err      error
}

// of returns the download of a model, or how the last one failed; nil for neither.
func (p *pulls) of(name string) (now *Installing, failed *Failure) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	for pulled, one := range p.all {
		if !models.SameName(pulled, name) {
			continue
		}
		if !one.ended {
			return new(one.progress), nil
		}
		kind, sentence := detail(one.err)
		return nil, &Failure{kind, sentence}
	}
	return nil, nil
}

// begin starts a download unless it runs. It goes on when the client leaves, and ends
// with the server.
func (p *pulls) begin(services dialect.Services, store ModelStore, name string) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if one := p.all[name]; one != nil && !one.ended {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	one := &pull{cancel: cancel}
	p.all[name] = one
	services.OnStopping(ctx, cancel)
	go func() {
		defer cancel()
		err := store.Pull(ctx, name, func(done, total int64) {
			p.mutex.Lock()
			defer p.mutex.Unlock()
			one.progress = Installing{done, total}
		})
		p.mutex.Lock()
		defer p.mutex.Unlock()
		one.ended, one.err = true, err
		if p.all[name] == one && (err == nil || ctx.Err() != nil) {
			delete(p.all, name)
		}
	}()
}

// cancel ends a download, and reports whether there was one.
func (p *pulls) cancel(name string) bool {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	one := p.all[name]
	delete(p.all, name)
	if one == nil || one.ended {
		return false
	}
	one.cancel()
	return true
}
