// Package cpu runs models that are chains of 3x3 convolutions (RRDBNet,
// SRVGGNetCompact and SPAN) on the CPU, as a stream of row bands through all layers: each
// row of each layer is computed once, whatever the image's height, and memory is a
// few rows of each layer instead of tensors of the image's size. All layers share it:
// a new row overwrites the one that was freed last, which the caches still hold.
//
// The convolutions are package kernels'; this package decides which kernels run,
// by measuring, and shares them among threads. Nothing has to be installed.
package cpu
