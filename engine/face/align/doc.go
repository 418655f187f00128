// Package align rotates a face upright into a restorer's square and blends the
// restored square into the upscaled image.
//
// All coordinates are continuous: the center of the first pixel of an image or a
// square is (0.5, 0.5). Resampling uses the Lanczos filter with three lobes, like
// engine/resize, so that an unrestored face looks like the image around it.
package align
