package main

import (
	"fmt"

	"github.com/spf13/pflag"

	"upscaled/engine"
)

// faceSettings say how faces are enhanced.
type faceSettings struct {
	restorer, missing string
	strength          float64
	minimum, maximum  int
	score             float64
	onlyCentre        bool
}

func (f *faceSettings) declare(flags *pflag.FlagSet) {
	flags.StringVar(&f.restorer, "face-restorer", "auto", "face restorer by name, see 'upscaled models list'; auto takes the best that is installed")
	flags.StringVar(&f.missing, "face-missing", string(engine.Refine), "where no face restorer is installed: refine (run x4plus on each face), error or ignore")
	flags.Float64Var(&f.strength, "face-strength", 0.8, "how much of the enhanced face is blended in, 0 to 1")
	flags.IntVar(&f.minimum, "face-min", 24, "shortest side of a face in input pixels that is enhanced")
	flags.IntVar(&f.maximum, "face-max", 50, "faces enhanced in one picture at most, the largest first")
	flags.Float64Var(&f.score, "face-score", 0, "least score of a face, on the detector's own scale (default 0: the detector's own)")
	flags.BoolVar(&f.onlyCentre, "face-only-center", false, "enhance the face nearest to the picture's centre only")
	fromEnvironment(flags, "face-restorer", "face-missing", "face-strength", "face-min", "face-max", "face-score", "face-only-center")
}

func (f *faceSettings) problems() []string {
	var all []string
	wrong := func(bad bool, format string, args ...any) {
		if bad {
			all = append(all, fmt.Sprintf(format, args...))
		}
	}
	switch engine.FaceMissing(f.missing) {
	case engine.Refine, engine.Refuse, engine.Ignore:
	default:
		wrong(true, "--face-missing is %q; use refine, error or ignore", f.missing)
	}
	wrong(!(f.strength >= 0 && f.strength <= 1), "--face-strength is %g; it goes from 0 to 1", f.strength)
	wrong(f.minimum < 1, "--face-min is %d; it is at least 1 pixel", f.minimum)
	wrong(f.maximum < 1, "--face-max is %d; it is at least 1", f.maximum)
	wrong(f.score < 0, "--face-score is %g; it is at least 0", f.score)
	return all
}

// request is what the engine is asked for.
func (f *faceSettings) request() engine.Faces {
	return engine.Faces{
		DetectorOptions: engine.DetectorOptions{Minimum: f.minimum, Maximum: f.maximum, Threshold: f.score},
		Restorer:        f.restorer, Strength: f.strength, OnlyCentre: f.onlyCentre, Missing: engine.FaceMissing(f.missing),
	}
}
