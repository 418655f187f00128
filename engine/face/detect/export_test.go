package detect

import "context"

// Upright scans with the face cascade and returns row, column, size and score of
// each window.
func Upright(cascade []byte, gray []uint8, width, height, smallest, largest int) ([][4]float64, error) {
	c, err := parseFaceCascade(cascade)
	if err != nil {
		return nil, err
	}
	windows, err := c.scan(context.Background(), plane{width: width, height: height, pix: gray}, smallest, largest, []float64{0})
	var out [][4]float64
	for _, w := range windows {
		out = append(out, [4]float64{w.row, w.column, w.size, w.score})
	}
	return out, err
}

// Settle locates a point and returns its row, column and spread.
func Settle(cascade, gray []uint8, width, height int, row, column, side float64) (float64, float64, float64, error) {
	c, err := parsePointCascade("test", cascade)
	if err != nil {
		return 0, 0, 0, err
	}
	at, spread := c.settle(plane{width: width, height: height, pix: gray}, spot{row, column}, side, false, false)
	return at.row, at.column, spread, nil
}

// Misfit takes five points as row and column.
func Misfit(points [5][2]float64) (residual, scale float64) {
	var spots [5]spot
	for i, p := range points {
		spots[i] = spot{p[0], p[1]}
	}
	return misfit(spots)
}

// TemplatePoints is the average face as row and column.
func TemplatePoints() [5][2]float64 {
	var points [5][2]float64
	for i, s := range template() {
		points[i] = [2]float64{s.row, s.column}
	}
	return points
}
