// Command gosec looks for what makes a Go program unsafe. It is gosec's own
// checks without gosec's own command, which builds the clients of three language
// models in, to have its findings explained.
package main

import (
	"github.com/securego/gosec/v2/goanalysis"
	"golang.org/x/tools/go/analysis/singlechecker"
)

func main() { singlechecker.Main(goanalysis.Analyzer) }
