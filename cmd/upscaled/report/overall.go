package report

import (
	"fmt"

	"upscaled/cmd/upscaled/batch"
	"upscaled/cmd/upscaled/progress"
	"upscaled/engine"
)

// overall is the progress bar of all images. Images are weighted by file size,
// because their pixels are unknown until they are opened. The zero value shows
// nothing.
type overall struct {
	bar      *progress.Bar
	sizes    []int64
	parts    []int64 // bytes done of each image
	total    int64
	finishes int
}

func newOverall(jobs []batch.Job, bar *progress.Bar) overall {
	o := overall{bar: bar, parts: make([]int64, len(jobs))}
	for _, job := range jobs {
		o.sizes = append(o.sizes, max(job.Input.Size, 1))
		o.total += max(job.Input.Size, 1)
	}
	return o
}

func overallLabel(done, total int) string { return fmt.Sprintf("%d of %d images", done, total) }

func (o *overall) progressed(index int, at engine.Progress) {
	if o.bar != nil && at.Total > 0 {
		o.set(index, int64(float64(o.sizes[index])*float64(at.Done)/float64(at.Total)))
	}
}

func (o *overall) finished(index int) {
	if o.bar == nil {
		return
	}
	o.finishes++
	o.bar.Label(overallLabel(o.finishes, len(o.sizes)))
	o.set(index, o.sizes[index])
}

func (o *overall) set(index int, done int64) {
	o.parts[index] = done
	var sum int64
	for _, part := range o.parts {
		sum += part
	}
	o.bar.Set(sum, o.total)
}
