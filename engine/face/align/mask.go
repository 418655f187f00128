package align

// The mask is an ellipse around the template's face. In parts of the square's
// side it is centred on (0.5, 0.555), between eyes and mouth, and reaches 0.42
// to the sides and 0.44 up and down: at the bottom, where it comes nearest, it
// stays 0.005 inside the square's border. It is 1 in the inner 70 % of its
// radius, which holds brows, eyes, nose and mouth, and falls smoothly to 0 at
// its edge: the feather is a quarter of the face's width, whatever its size.
const (
	maskX, maskY             = 0.5, 0.555
	maskRadiusX, maskRadiusY = 0.42, 0.44
	maskCore                 = 0.7
)

// maskAt is the weight of a restored face at a distance from the mask's
// centre, in parts of the ellipse's radius.
func maskAt(radius float64) float64 {
	v := min(max((1-radius)/(1-maskCore), 0), 1)
	return v * v * (3 - 2*v)
}
