package batch

import (
	"fmt"
	"path/filepath"

	"upscaled/engine"
	"upscaled/engine/imagedata"
)

// Job is one image with its output.
type Job struct {
	Input  Input
	Format imagedata.Format
	// Output is the path, Standard for standard output, or "" until the model or
	// the size is known that the name depends on.
	Output string
	naming Naming
}

// Plan names every output. It fails if two inputs have the same output or an
// output is an input that it does not replace, before anything is written.
func Plan(selection Selection, naming Naming) ([]Job, error) {
	var jobs []Job
	for _, in := range naming.outputs(selection) {
		job := Job{Input: in, Format: naming.Format(in), naming: naming}
		if !naming.Late() {
			path, err := naming.Path(in, engine.Result{})
			if err != nil {
				return nil, err
			}
			job.Output = path
		}
		jobs = append(jobs, job)
	}
	owners := newOwners(selection.Inputs)
	if naming.kind == inPlace {
		clear(owners.inputs)
	}
	for _, job := range jobs {
		if job.Output == "" || job.Output == Standard {
			continue
		}
		if err := owners.claim(job.Output, job.Input.Path); err != nil {
			return nil, err
		}
	}
	return jobs, nil
}

// owners maps each path to its input. It is not safe for concurrent use.
type owners struct {
	inputs, outputs map[string]string
}

func newOwners(inputs []Input) owners {
	o := owners{inputs: make(map[string]string), outputs: make(map[string]string)}
	for _, in := range inputs {
		if in.data == nil {
			o.inputs[identity(in.Path)] = in.Path
		}
	}
	return o
}

// claim reserves an output path for an input.
func (o owners) claim(output, input string) error {
	id := identity(output)
	if source, taken := o.inputs[id]; taken {
		return fmt.Errorf("%s would replace the input %s; choose another --out", output, source)
	}
	if other, taken := o.outputs[id]; taken && other != input {
		return fmt.Errorf("%s and %s would both be written to %s; upscale them separately or choose an --out that tells them apart, such as '{dir}/{name}-{inext}.{ext}'",
			other, input, output)
	}
	o.outputs[id] = input
	return nil
}

// absolute returns an absolute path if there is one.
func absolute(path string) string {
	if found, err := filepath.Abs(path); err == nil {
		return found
	}
	return filepath.Clean(path)
}

// identity returns the same path for all paths of a file: links are followed in
// the folder, and also in the last part if the file exists.
func identity(path string) string {
	absolute := absolute(path)
	if real, err := filepath.EvalSymlinks(absolute); err == nil {
		return real
	}
	if real, err := filepath.EvalSymlinks(filepath.Dir(absolute)); err == nil {
		return filepath.Join(real, filepath.Base(absolute))
	}
	return absolute
}
