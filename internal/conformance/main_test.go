package conformance

import (
	"fmt"
	"os"
	"testing"
)

func TestMain(m *testing.M) {
	code := m.Run()
	if err := RemoveBinary(); err != nil {
		fmt.Fprintln(os.Stderr, "remove the test's binary:", err)
		code = 1
	}
	os.Exit(code)
}
