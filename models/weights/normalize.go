package weights

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// ESRGAN's network has been published under three sets of names for the same
// layers. BasicSR's is the one used here:
//
//	here              original ESRGAN (2018)              BasicSR before 1.0
//	conv_first        model.0                             conv_first
//	body.N.rdbK.convJ model.1.sub.N.RDBK.convJ.0          RRDB_trunk.N.RDBK.convJ
//	conv_body         model.1.sub.<last>                  trunk_conv
//	conv_up1, ...     model.3, model.6, ...               upconv1, ...
//	conv_hr           the last but one                    HRconv
//	conv_last         the last                            conv_last
var (
	originalBlock = regexp.MustCompile(`^model\.1\.sub\.(\d+)\.RDB(\d)\.conv(\d)\.0\.(weight|bias)$`)
	originalTrunk = regexp.MustCompile(`^model\.1\.sub\.\d+\.(weight|bias)$`)
	originalLayer = regexp.MustCompile(`^model\.(\d+)\.(weight|bias)$`)
	trunkBlock    = regexp.MustCompile(`^RRDB_trunk\.(\d+)\.RDB(\d)\.conv(\d)\.(weight|bias)$`)
	upconv        = regexp.MustCompile(`^upconv(\d)\.(weight|bias)$`)
)

// Normalize gives the tensors of an RRDBNet the names that BasicSR uses today.
// Other names, and every name of a file that is not wholly in one of the old
// styles, stay as they are, so that nothing is lost by a clash. The tensors
// themselves are shared with t.
func Normalize(t Tensors) Tensors {
	rename := trunkName
	if _, ok := t["model.1.sub.0.RDB1.conv1.0.weight"]; ok {
		rename = originalNames(t)
	}
	out := make(Tensors, len(t))
	for name, tensor := range t {
		out[rename(name)] = tensor
	}
	if len(out) != len(t) { // two names became one: not a file we understand
		return t
	}
	return out
}

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

// originalNames renames by position: the numbers of the layers behind the
// trunk depend on how often the network doubles its size. All but the last
// two of them are convolutions behind a doubling.
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
	return func(name string) string {
		if m := originalBlock.FindStringSubmatch(name); m != nil {
			return "body." + m[1] + ".rdb" + m[2] + ".conv" + m[3] + "." + m[4]
		}
		if m := originalTrunk.FindStringSubmatch(name); m != nil {
			return "conv_body." + m[1]
		}
		m := originalLayer.FindStringSubmatch(name)
		if m == nil {
			return name
		}
		if m[1] == "0" {
			return "conv_first." + m[2]
		}
		index, _ := strconv.Atoi(m[1]) // an overlong number is found nowhere in tail
		switch place := slices.Index(tail, index); {
		case place < 0:
			return name
		case place == len(tail)-1:
			return "conv_last." + m[2]
		case place == len(tail)-2:
			return "conv_hr." + m[2]
		default:
			return "conv_up" + strconv.Itoa(place+1) + "." + m[2]
		}
	}
}
