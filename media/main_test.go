package media

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
)

// TestMain lets the test program be its own decoding child, and two children that misbehave.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "child" {
		switch os.Args[2] {
		case "decode":
			os.Exit(RunDecodeChild(os.Args[3:]))
		case "hog":
			if err := limitSelf(); err != nil {
				fmt.Println(err)
				os.Exit(0)
			}
			var kept [][]byte
			for range 40 {
				block := make([]byte, 10<<20)
				for i := 0; i < len(block); i += 4096 {
					block[i] = 1
				}
				kept = append(kept, block)
			}
			fmt.Printf(`{"error":"allocated %d blocks"}`, len(kept))
			os.Exit(0)
		case "spin":
			for i := 0; ; i++ {
				_ = i
			}
		}
	}
	os.Exit(m.Run())
}

func needTool(t *testing.T, program, debianPackage string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		t.Fatalf("%s is needed: apt-get install %s", program, debianPackage)
	}
}
