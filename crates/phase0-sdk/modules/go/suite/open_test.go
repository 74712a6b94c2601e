package suite_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"example.org/suite/secrets"
)

const (
	from  = " secrets could not be read from Secrets Manager\n"
	check = "check names, region and the rights of this process; " +
		"`aws secretsmanager describe-secret --secret-id NAME` shows what it may see"
)

func TestOneErrorNamesAllThatCannotBeRead(t *testing.T) {
	fresh(t)
	put(t, postgres, `{"username": "`+made("x")+`", "port": "5432"}`)
	post(t, "/delete?name="+stripe)
	text, err := refused(t)
	equal(t, "the error", text, "suite can't start: 2 of 4"+from+
		"  "+postgres+": it has no property `password`\n"+
		"  "+stripe+": ResourceNotFoundException: Secrets Manager can't find the specified secret.\n"+check)
	var failed *secrets.OpenError
	if !errors.As(err, &failed) || !slices.Equal(failed.Names, []string{postgres, stripe}) {
		t.Error("the error has other names, or is of another type")
	}
}

func TestAStoppedServerIsAnErrorInBoundedTime(t *testing.T) {
	fresh(t)
	post(t, "/stop")
	t.Cleanup(func() { post(t, "/start") })
	text, _ := refused(t)
	lines := strings.Split(text, "\n")
	equal(t, "lines", len(lines), 6)
	equal(t, "the first line", lines[0]+"\n", "suite can't start: 4 of 4"+from)
	for place, name := range []string{postgres, smtp, stripe, tls} {
		line := lines[place+1]
		if !strings.HasPrefix(line, "  "+name+": ") || !strings.HasSuffix(line, "connection refused") {
			t.Errorf("another line: %s", line)
		}
	}
	equal(t, "the last line", lines[5], check)
}

func TestOpenEndsWithItsContext(t *testing.T) {
	fresh(t)
	post(t, "/slow?milliseconds=3000")
	_, err := secrets.Open(within(t, 500*time.Millisecond))
	var failed *secrets.OpenError
	if !errors.As(err, &failed) || !strings.Contains(err.Error(), "context deadline exceeded") {
		t.Errorf("another error: %v", err)
	}
}

func TestVariablesThatAreNotAllowed(t *testing.T) {
	for name, values := range map[string][]string{
		"SECRETS_SOURCE":          {"mock", "", "Files", "vault"},
		"SECRETS_DIR":             {"", "etc/secrets", "./secrets"},
		"SECRETS_REFRESH_SECONDS": {"", "0", "-1", "86401", "1.5", "five", "99999999999999999999", "+5", " 5"},
	} {
		for _, value := range values {
			fresh(t)
			t.Setenv(name, value)
			text, _ := refused(t)
			if !strings.HasPrefix(text, "suite can't start: "+name+" must be ") {
				t.Errorf("%s=%q: %s", name, value, text)
			}
		}
	}
	for _, seconds := range []string{"1", "86400"} {
		fresh(t)
		t.Setenv("SECRETS_REFRESH_SECONDS", seconds)
		if _, err := secrets.Open(t.Context()); err != nil {
			t.Error(err)
		}
	}
}
