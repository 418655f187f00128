package settings

import (
	"github.com/spf13/pflag"

	"upscaled/models"
)

// AddAbout declares the flags that state whose work a model is.
func AddAbout(flags *pflag.FlagSet, about *models.About) {
	flags.StringVar(&about.Licence, "license", "", "license, such as CC-BY-4.0 (default: the file's metadata)")
	flags.StringVar(&about.Author, "author", "", "author (default: the file's metadata)")
	flags.StringVar(&about.Source, "source", "", "URL of the author's page (default: the file's metadata)")
	flags.StringSliceVar(&about.Tags, "tags", nil, "words that describe it, such as anime,jpeg (default: the file's metadata)")
}
