package suite_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
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
		if !strings.HasPrefix(line, "  "+name+": ") || !strings.HasSuffix(line, "connection refused") || strings.Contains(line, "operation") {
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

// answering makes the package ask a server of this test's own, which answers everything alike, and counts what it is asked.
func answering(t *testing.T, status int, body string) *atomic.Int64 {
	t.Helper()
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(writer http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		writer.WriteHeader(status)
		_, _ = io.WriteString(writer, body)
	}))
	t.Cleanup(server.Close)
	t.Setenv("AWS_ENDPOINT_URL", server.URL)
	return &asked
}

func TestAnAnswerThatCannotBeReadIsNotQuoted(t *testing.T) {
	for _, body := range []string{
		made("<html>"), `{"SecretString": ["` + made("x") + `"]}`, `{"SecretString": "` + made("x"), `{"SecretBinary": "` + made("!") + `"}`,
	} {
		fresh(t)
		answering(t, http.StatusOK, body)
		text, _ := refused(t)
		sealed(t, "the error", text)
		if !strings.Contains(text, "\n  "+stripe+": an answer can't be understood\n") {
			t.Errorf("another error: %s", text)
		}
	}
	// Nothing in it is no value, not an empty one.
	fresh(t)
	answering(t, http.StatusOK, "{}")
	text, _ := refused(t)
	if !strings.Contains(text, "suite can't start: 4 of 4") {
		t.Errorf("another error: %s", text)
	}
}

func TestAFailingServerIsAskedThreeTimes(t *testing.T) {
	fresh(t)
	asked := answering(t, http.StatusInternalServerError, `{"__type": "InternalServiceError", "Message": "broken"}`)
	text, _ := refused(t)
	equal(t, "requests for four secrets", asked.Load(), 12)
	if !strings.Contains(text, "\n  "+stripe+": InternalServiceError: broken\n") {
		t.Errorf("another error: %s", text)
	}
}

func TestWhereCredentialsCannotBeHadTheirServiceIsNamed(t *testing.T) {
	fresh(t)
	asked := answering(t, http.StatusForbidden, `{"code": "Denied", "message": "no role"}`)
	t.Setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", os.Getenv("AWS_ENDPOINT_URL"))
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"} {
		unset(t, name)
	}
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(t.TempDir(), "none"))
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(t.TempDir(), "none"))
	text, _ := refused(t)
	if !strings.Contains(text, "\n  "+stripe+": get identity: get credentials: ") || !strings.Contains(text, "no role") || asked.Load() == 0 {
		t.Errorf("another error: %s", text)
	}
}

func TestVariablesThatAreNotAllowed(t *testing.T) {
	fresh(t)
	for name, values := range map[string][]string{
		"SECRETS_SOURCE":          {"mock", "", "Files", "vault"},
		"SECRETS_DIR":             {"", "etc/secrets", "./secrets"},
		"SECRETS_REFRESH_SECONDS": {"", "0", "-1", "86401", "1.5", "five", "99999999999999999999", "+5", " 5"},
	} {
		for _, value := range values {
			asAtFirst(t)
			t.Setenv(name, value)
			text, _ := refused(t)
			if !strings.HasPrefix(text, "suite can't start: "+name+" must be ") {
				t.Errorf("%s=%q: %s", name, value, text)
			}
		}
	}
	for _, seconds := range []string{"1", "86400"} {
		asAtFirst(t)
		t.Setenv("SECRETS_REFRESH_SECONDS", seconds)
		if _, err := secrets.Open(t.Context()); err != nil {
			t.Error(err)
		}
	}
}
