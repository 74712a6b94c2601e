package suite_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// Each program in testdata/refused has one line that must not compile, and says on it what the compiler's answer must contain.
func TestWhatMustNotCompile(t *testing.T) {
	programs, err := filepath.Glob("testdata/refused/*/main.go")
	if err != nil || len(programs) < 8 {
		t.Fatalf("the programs are not there: %v", err)
	}
	// What it can compile is not kept, and no build tag is on.
	output, _ := exec.Command("go", "build", "-o", os.DevNull, "./testdata/refused/...").CombinedOutput()
	answers := strings.Split(string(output), "\n")
	for _, program := range programs {
		text, err := os.ReadFile(program)
		if err != nil {
			t.Fatal(err)
		}
		var found []string
		for _, answer := range answers {
			if strings.HasPrefix(answer, program+":") {
				found = append(found, answer)
			}
		}
		if len(found) != 1 {
			t.Errorf("%s: it has %d errors: %v\n%s", program, len(found), found, output)
			continue
		}
		place, said, _ := strings.Cut(strings.TrimPrefix(found[0], program+":"), ": ")
		line, _, _ := strings.Cut(place, ":")
		expected := ""
		for number, each := range strings.Split(string(text), "\n") {
			if _, want, has := strings.Cut(each, "// refused: "); has {
				equal(t, program+": the line", line, strconv.Itoa(number+1))
				expected = want
			}
		}
		if expected == "" || !strings.Contains(said, expected) {
			t.Errorf("%s: another error: %s", program, said)
		}
	}
}
