package progress

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// Confirm asks a question and reports whether the answer is yes. No answer is no.
func Confirm(in io.Reader, out io.Writer, question string) bool {
	fmt.Fprintf(out, "%s [y/N] ", question)
	answer, _ := bufio.NewReader(in).ReadString('\n')
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return true
	}
	return false
}
