// Package film upscales films with the ffmpeg of the system.
//
// A film passes through three kinds of ffmpeg processes, connected by pipes; no
// frame is ever stored as an image file:
//
//	film -> decode.go: ffmpeg -> raw RGB frames, with their timestamps
//	     -> chunk.go: one run of the engine per chunk, equal neighbors once
//	     -> encode.go: ffmpeg -> a chunk of encoded frames (retime.go)
//	     -> join.go: ffmpeg muxes the video with the other streams of the film,
//	        or animate.go: package encode writes it as an animated image
//
// Finished chunks are appended to the video in a work folder beside the output
// (work.go), so that an interrupted film goes on after its last finished chunk. Timestamps never pass
// through an encoder: it counts frames at a constant rate, and each packet gets the
// exact time of its frame afterwards.
//
// Films are hostile input. Only formats of self-contained files are opened, only by
// the protocol file, and ffmpeg gets its arguments as a list.
package film
