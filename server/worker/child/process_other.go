//go:build !linux

package child

import "os/exec"

// dieWithParent does nothing here: the child ends when its pipe closes.
func dieWithParent(*exec.Cmd) {}

// OfferToMemoryKiller does nothing here.
func OfferToMemoryKiller() {}
