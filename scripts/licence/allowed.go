package licence

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// allowed are licences that ask for no more than their text, or, as MPL-2.0,
// for the sources of the files under it, which are public and unchanged here.
func allowed() []string {
	return []string{
		"0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BlueOak-1.0.0", "CC0-1.0",
		"ISC", "MIT", "MIT-0", "MPL-2.0", "Python-2.0", "Unlicense", "Zlib",
	}
}

// Allowed reads an SPDX expression as package.json has it: one of those joined
// by OR has to be allowed, all of those joined by AND (which binds stronger).
// Brackets that change this order are not understood, and refused.
func Allowed(expression string) bool {
	plain := strings.TrimSpace(expression)
	if strings.HasPrefix(plain, "(") && strings.HasSuffix(plain, ")") {
		plain = plain[1 : len(plain)-1]
	}
	if strings.ContainsAny(plain, "()") {
		return false
	}
	for choice := range strings.SplitSeq(plain, " OR ") {
		all := true
		for id := range strings.SplitSeq(choice, " AND ") {
			all = all && slices.Contains(allowed(), strings.TrimSpace(id))
		}
		if all {
			return true
		}
	}
	return false
}

// Check says in one sentence why a module's licences keep it out of the
// program: it has none, one that is not allowed, or one nobody here knows.
func Check(files []File) error {
	licensed := false
	for _, file := range files {
		switch {
		case file.ID == "" && besideName.MatchString(path.Base(file.Name)):
		case file.ID == "":
			return fmt.Errorf("its %s is of a kind that is not known; read it, then teach scripts/licence its phrase or leave the module out", file.Name)
		case !Allowed(file.ID):
			return fmt.Errorf("its %s is %s, which is not allowed in the program; leave the module out", file.Name, file.ID)
		default:
			licensed = licensed || !besideName.MatchString(path.Base(file.Name))
		}
	}
	if !licensed {
		return fmt.Errorf("it has no licence file; leave the module out or add its licence by hand")
	}
	return nil
}
