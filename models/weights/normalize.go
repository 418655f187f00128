package weights

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// ESRGAN has been published with three sets of names for the same layers.
// BasicSR's is used here:
//
//	here              original ESRGAN (2018)              BasicSR before 1.0
//	conv_first        model.0                             conv_first
//	body.N.rdbK.convJ model.1.sub.N.RDBK.convJ.0          RRDB_trunk.N.RDBK.convJ
//	conv_body         model.1.sub.<last>                  trunk_conv
//	conv_up1, ...     model.3, model.6, ...               upconv1, ...
//	conv_hr           the last but one                    HRconv
//	conv_last         the last                            conv_last
var (
	originalBlock = regexp.MustCompile(`^model\.1\.sub\.(\d+)\.RDB(\d)\.conv(\d|1x1)(?:\.0)?\.(weight|bias)$`)
	originalTrunk = regexp.MustCompile(`^model\.1\.sub\.\d+\.(weight|bias)$`)
	originalLayer = regexp.MustCompile(`^model\.(\d+)\.(weight|bias)$`)
	trunkBlock    = regexp.MustCompile(`^RRDB_trunk\.(\d+)\.RDB(\d)\.conv(\d)\.(weight|bias)$`)
	upconv        = regexp.MustCompile(`^upconv(\d)\.(weight|bias)$`)
)

// mask matches attention masks, which depend on the size of the training images alone:
// they are not read, since they may be much larger than the weights. Nor are the counts
// of operations and parameters that a profiler (thop) leaves in a model.
var mask = regexp.MustCompile(`\.attn_mask(_[01])?$|(^|\.)total_(ops|params)$`)

// Normalize drops wrappers that training frameworks put before every name and renames
// the tensors of an RRDBNet to BasicSR's current names. Other names stay as they are, as does every name of a file that is not entirely in one of the old styles, so
// that no clash loses a tensor. The data is shared with t.
func Normalize(t Tensors) Tensors {
	t = unwrapped(t)
	rename := trunkName
	if _, ok := t["model.1.sub.0.RDB1.conv1.0.weight"]; ok {
		rename = originalNames(t)
	}
	out := make(Tensors, len(t))
	for name, tensor := range t {
		out[rename(name)] = tensor
	}
	if len(out) != len(t) { // two names became one: not a known style
		return t
	}
	return out
}

// wrappers are names under which training programs put a model's weights, in the order
// of preference: authors publish their results with the averaged ones.
var wrappers = []string{"params_ema", "params-ema", "ema", "g_ema", "params", "state_dict", "model_state_dict", "model", "net", "netG", "net_g_ema", "net_g", "generator", "module", "_orig_mod"}

// unwrapped drops components that are wrappers from the front of the names, as long as
// all names begin with one; of several the preferred one's tensors are taken. "model."
// before a number belongs to the original ESRGAN's names.
func unwrapped(t Tensors) Tensors {
	for range maxWrappers {
		inside := map[string]Tensors{}
		for name, tensor := range t {
			wrapper, rest, found := strings.Cut(name, ".")
			if !found || !slices.Contains(wrappers, wrapper) || rest != strings.TrimLeft(rest, "0123456789") {
				return t
			}
			if inside[wrapper] == nil {
				inside[wrapper] = Tensors{}
			}
			inside[wrapper][rest] = tensor
		}
		for _, wrapper := range slices.Backward(wrappers) {
			if found := inside[wrapper]; found != nil {
				t = found
			}
		}
	}
	return t
}

// maxWrappers bounds the wrappers in one another.
const maxWrappers = 5

func trunkName(name string) string {
	if m := trunkBlock.FindStringSubmatch(name); m != nil {
		return "body." + m[1] + ".rdb" + m[2] + ".conv" + m[3] + "." + m[4]
	}
	if m := upconv.FindStringSubmatch(name); m != nil {
		return "conv_up" + m[1] + "." + m[2]
	}
	if rest, ok := strings.CutPrefix(name, "trunk_conv."); ok {
		return "conv_body." + rest
	}
	if rest, ok := strings.CutPrefix(name, "HRconv."); ok {
		return "conv_hr." + rest
	}
	return name
}

// originalNames renames by position: the numbers of the layers after the trunk
// depend on the scale. All but the last two follow an upsampling.
func originalNames(t Tensors) func(string) string {
	var tail []int
	for name := range t {
		m := originalLayer.FindStringSubmatch(name)
		if m == nil || m[2] != "weight" {
			continue
		}
		if index, err := strconv.Atoi(m[1]); err == nil && index > 1 {
			tail = append(tail, index)
		}
	}
	slices.Sort(tail)
	const spsrLast = "HR_conv1_new.0."
	if _, ok := t[spsrLast+"weight"]; ok {
		tail = append(tail, math.MaxInt) // it is behind the numbered ones
	}
	return func(name string) string {
		if m := originalBlock.FindStringSubmatch(name); m != nil {
			return "body." + m[1] + ".rdb" + m[2] + ".conv" + m[3] + "." + m[4]
		}
		if m := originalTrunk.FindStringSubmatch(name); m != nil {
			return "conv_body." + m[1]
		}
		if rest, ok := strings.CutPrefix(name, spsrLast); ok {
			return "conv_last." + rest
		}
		m := originalLayer.FindStringSubmatch(name)
		if m == nil {
			return name
		}
		if m[1] == "0" {
			return "conv_first." + m[2]
		}
		index, _ := strconv.Atoi(m[1]) // on overflow the index is not in tail
		switch position := slices.Index(tail, index); {
		case position < 0:
			return name
		case position == len(tail)-1:
			return "conv_last." + m[2]
		case position == len(tail)-2:
			return "conv_hr." + m[2]
		default:
			return "conv_up" + strconv.Itoa(position+1) + "." + m[2]
		}
	}
}
