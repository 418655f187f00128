package replicate

import (
	"regexp"

	"upscaled/server/dialect"
)

// Lengths of the vendor's IDs.
const idLength, fileIDLength = 26, 48

var idForm = regexp.MustCompile(`^[a-z0-9]+$`)

// newID returns an ID of the vendor's form, which no other API's IDs have.
func newID() string { return dialect.Random(idLength) }

// IsID reports whether an ID has a prediction's form.
func IsID(id string) bool { return len(id) == idLength && idForm.MatchString(id) }

// IsFileID reports whether an ID has an uploaded file's form.
func IsFileID(id string) bool { return len(id) == fileIDLength && idForm.MatchString(id) }
