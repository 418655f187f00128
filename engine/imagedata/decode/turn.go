package decode

// rotator places stored rows into an upright raster.
type rotator[T sample] struct {
	layout
	color, alpha []T
	// scratch for a band of rows to be rotated
	bandColor, bandAlpha []T
}

// rows converts the stored rows [y0, y1).
func (t *rotator[T]) rows(y0, y1 int, row rowFunc[T]) {
	stride := t.width * t.channels
	if t.orientation == 1 {
		for y := y0; y < y1; y++ {
			row(y, t.color[y*stride:(y+1)*stride], t.alphaRow(t.alpha, y))
		}
		return
	}
	if t.bandColor == nil {
		t.bandColor = make([]T, band*stride)
		if t.layout.alpha {
			t.bandAlpha = make([]T, band*t.width)
		}
	}
	for y := y0; y < y1; y++ {
		i := y - y0
		row(y, t.bandColor[i*stride:(i+1)*stride], t.alphaRow(t.bandAlpha, i))
	}
	place(t.layout, t.color, t.bandColor, y0, y1, t.channels)
	if t.layout.alpha {
		place(t.layout, t.alpha, t.bandAlpha, y0, y1, 1)
	}
}

func (t *rotator[T]) alphaRow(plane []T, y int) []T {
	if plane == nil {
		return nil
	}
	return plane[y*t.width : (y+1)*t.width]
}

// steps returns the position of stored pixel (0, 0) in the upright image and the
// offsets there, in pixels, of its right and lower neighbors.
func (l layout) steps() (origin, right, down int) {
	w, h := l.width, l.height
	switch l.orientation {
	case 2: // mirrored left to right
		return w - 1, -1, w
	case 3: // upside down
		return w*h - 1, -1, -w
	case 4: // mirrored top to bottom
		return (h - 1) * w, 1, -w
	case 5: // mirrored along the main diagonal
		return 0, h, 1
	case 6: // to be rotated clockwise
		return h - 1, h, -1
	case 7: // mirrored along the other diagonal
		return w*h - 1, -h, -1
	case 8: // to be rotated counterclockwise
		return (w - 1) * h, -h, 1
	}
	return 0, 1, w
}

// place copies the stored rows [y0, y1) into the upright samples.
func place[T sample](l layout, upright, stored []T, y0, y1, channels int) {
	origin, right, down := l.steps()
	origin += y0 * down
	if l.orientation < 5 {
		for y := range y1 - y0 {
			copyPixels(upright, stored[y*l.width*channels:], origin+y*down, right, 1, l.width, channels)
		}
		return
	}
	// Columns become rows: walking down a stored column writes neighbors.
	for x := range l.width {
		copyPixels(upright, stored[x*channels:], origin+x*right, down, l.width, y1-y0, channels)
	}
}

// copyPixels copies n pixels: read from the start of from every fromStep pixels,
// written from pixel at of to on every step pixels.
func copyPixels[T sample](to, from []T, at, step, fromStep, n, channels int) {
	if channels == 1 {
		for i := range n {
			to[at+i*step] = from[i*fromStep]
		}
		return
	}
	for i := range n {
		target := to[(at+i*step)*3 : (at+i*step)*3+3 : (at+i*step)*3+3]
		pixel := from[i*fromStep*3 : i*fromStep*3+3 : i*fromStep*3+3]
		target[0], target[1], target[2] = pixel[0], pixel[1], pixel[2]
	}
}
