package align

// The mask is an ellipse around the template's face, in units of the square's
// side: centered on (0.5, 0.555), between eyes and mouth, with radii 0.42 and
// 0.44. At the bottom, its closest point, it stays 0.005 inside the square. It
// is 1 in the inner 70 % of its radius, which holds brows, eyes, nose and mouth,
// and falls smoothly to 0 at its edge: the feather is a quarter of the face's
// width at any size.
const (
	maskX, maskY             = 0.5, 0.555
	maskRadiusX, maskRadiusY = 0.42, 0.44
	maskCore                 = 0.7
)

// maskAt returns the weight of a restored face at a distance from the mask's
// center, in units of the ellipse's radius.
func maskAt(radius float64) float64 {
	return smoothstep((1 - radius) / (1 - maskCore))
}
