package batch

import (
	"context"
	"fmt"
	"slices"

	"upscaled/engine"
	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/decode"
	"upscaled/engine/imagedata/encode"
	"upscaled/models/fault"
)

// outputs returns an input for each output: pages are inputs of their own unless one
// TIFF file holds them.
func (n Naming) outputs(selection Selection) (inputs []Input) {
	for _, in := range selection.Inputs {
		if in.pages < 2 || !in.each && n.Format(in) == imagedata.TIFF {
			inputs = append(inputs, in)
			continue
		}
		for in.Page = 1; in.Page <= in.pages; in.Page++ {
			inputs = append(inputs, in)
		}
	}
	return inputs
}

// paged reports whether all pages of the input go to one output.
func (j Job) paged() bool { return j.Input.pages > 1 && j.Input.Page == 0 }

// step upscales or describes one image.
type step func(context.Context, engine.Request) (engine.Result, error)

// pagewise returns a step that does one for every page of a file. Its result is that of
// the first page, with the notes on all. Pages are counted again, since the file may
// have changed since it was found.
func pagewise(one step) step {
	return func(ctx context.Context, request engine.Request) (all engine.Result, err error) {
		count, progress := decode.Pages(request.Input), request.Progress
		request.Pages = new(encode.Pages)
		for page := range count {
			request.Page = page + 1
			request.Progress = func(p engine.Progress) {
				progress(engine.Progress{Done: int64(page)*p.Total + p.Done, Total: int64(count) * p.Total})
			}
			result, err := one(ctx, request)
			if kind := fault.KindOf(err); err != nil && kind != fault.Canceled {
				err = fault.Wrap(kind, err, "Page %d: %s", page+1, fault.Sentence(err))
			}
			if err != nil {
				return result, err
			}
			if page == 0 {
				all = result
				all.Notes = []string{fmt.Sprintf("All %d pages are in one file; its size is that of the first.", count)}
				all.Stats = engine.Stats{}
			}
			all.Stats.Session += result.Stats.Session
			for _, note := range result.Notes {
				if !slices.Contains(all.Notes, note) {
					all.Notes = append(all.Notes, note)
				}
			}
		}
		return all, nil
	}
}
