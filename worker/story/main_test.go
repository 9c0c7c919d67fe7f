package story

import (
	"testing"

	"github.com/linkworker/linkworker/worker/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }
