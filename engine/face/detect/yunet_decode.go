package detect

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"upscaled/engine/face"
	"upscaled/models/fault"
)

const (
	// yunetOverlap is OpenCV's default for non-maximum suppression.
	yunetOverlap = 0.3
	// yunetCandidates bounds the input of suppress, like OpenCV's top_k.
	yunetCandidates = 5000
)

// decodeYuNet reads the outputs like OpenCV's FaceDetectorYN. For each stride s of
// 8, 16 and 32 pixels the input is a grid of cells in row-major order:
//
//	cls_s, obj_s  1 x cells x 1   face and object, 0..1; score = sqrt(cls*obj)
//	bbox_s        1 x cells x 4   center from the cell's corner in strides,
//	                              logarithms of width and height in strides
//	kps_s         1 x cells x 10  x and y from the cell's corner in strides of
//	                              right eye, left eye, nose, right and left
//	                              corner of the mouth, from the person's view
//
// The faces are in pixels of the input and not suppressed yet.
func decodeYuNet(outputs map[string]Tensor, threshold float64) ([]face.Face, error) {
	var faces []face.Face
	for _, stride := range []int{8, 16, 32} {
		columns := yunetSide / stride
		cells := columns * columns
		var parts [4][]float32
		for i, part := range []struct {
			name   string
			values int
		}{{"cls", 1}, {"obj", 1}, {"bbox", 4}, {"kps", 10}} {
			name := fmt.Sprintf("%s_%d", part.name, stride)
			parts[i] = outputs[name].Data
			if len(parts[i]) != cells*part.values {
				return nil, fault.New(fault.Invalid,
					"The face detection model is not YuNet of March 2023: its output %s has %d values instead of %d.",
					name, len(parts[i]), cells*part.values)
			}
		}
		for cell := range cells {
			score := math.Sqrt(unit(parts[0][cell]) * unit(parts[1][cell]))
			if score < threshold {
				continue
			}
			f := decodeCell(parts[2][4*cell:][:4], parts[3][10*cell:][:10], cell%columns, cell/columns, float64(stride))
			f.Score = score
			if sound(f) {
				faces = append(faces, f)
			}
		}
	}
	if len(faces) > yunetCandidates {
		slices.SortStableFunc(faces, func(a, b face.Face) int { return cmp.Compare(b.Score, a.Score) })
		faces = faces[:yunetCandidates]
	}
	return faces, nil
}

// unit clamps to 0..1; NaN becomes 0.
func unit(v float32) float64 {
	if v > 0 {
		return math.Min(float64(v), 1)
	}
	return 0
}

func decodeCell(bounds, points []float32, column, row int, stride float64) face.Face {
	x, y := float64(column), float64(row)
	f := face.Face{
		Width:  math.Exp(float64(bounds[2])) * stride,
		Height: math.Exp(float64(bounds[3])) * stride,
	}
	f.Left = (x+float64(bounds[0]))*stride - f.Width/2
	f.Top = (y+float64(bounds[1]))*stride - f.Height/2
	// The person's right is on the viewer's left, so the order fits Landmarks.
	for i := range f.Landmarks {
		f.Landmarks[i] = face.Point{
			X: (x + float64(points[2*i])) * stride,
			Y: (y + float64(points[2*i+1])) * stride,
		}
	}
	return f
}

// sound reports whether all numbers of a face are finite and within a few input
// sides.
func sound(f face.Face) bool {
	const far = 4 * yunetSide
	near := func(v float64) bool { return math.Abs(v) < far }
	ok := near(f.Left) && near(f.Top) && near(f.Width) && near(f.Height)
	for _, p := range f.Landmarks {
		ok = ok && near(p.X) && near(p.Y)
	}
	return ok
}
