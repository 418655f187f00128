package tiling

// fixedCut divides an axis, at least m.Fixed long, from start on into the fewest
// spans that see exactly m.Fixed. Margins of small shapes are limited to a quarter
// for the crop and an eighth for the ramp, so that every tile has room to keep
// something. m.Multiple is ignored: the model chose its shape.
func fixedCut(start, length int, m Margins) []Span {
	crop, ramp := min(m.Crop, m.Fixed/4), min(m.Ramp, m.Fixed/8)&^1
	origin := 0
	if start > 0 {
		origin = max(0, min(start-ramp/2-crop, length-m.Fixed))
	}
	overlap, spare := 2*crop+ramp, length-origin-m.Fixed
	steps := (spare + m.Fixed - overlap - 1) / (m.Fixed - overlap)
	spans := make([]Span, steps+1)
	for i := range spans {
		in := origin + spare*i/max(steps, 1)
		s := Span{In0: in, In1: in + m.Fixed, Keep0: start, Keep1: length}
		if s.Keep0 > 0 {
			s.Keep0, s.RampBefore = start-ramp/2, ramp
		}
		if i > 0 { // meets its neighbor in the middle of their overlap
			before := &spans[i-1]
			middle := (before.In1 + s.In0) / 2
			before.Keep1, before.RampAfter = middle+ramp/2, ramp
			s.Keep0, s.RampBefore = middle-ramp/2, ramp
		}
		s.First, s.Last = s.In0 == 0, s.In1 == length
		spans[i] = s
	}
	return spans
}
