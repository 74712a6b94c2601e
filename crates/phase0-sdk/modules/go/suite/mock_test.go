//go:build mock

package suite_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"example.org/suite/secrets"
)

// onAMachine takes away what tells the mock of a platform, which the machine that runs the tests may be.
func onAMachine(t *testing.T) {
	t.Helper()
	for _, name := range append(platforms(), "CI", "SYSTEMD_EXEC_PID", "SECRETS_SOURCE", "SECRETS_DIR", "SECRETS_REFRESH_SECONDS") {
		unset(t, name)
	}
}

func platforms() []string {
	return []string{
		"KUBERNETES_SERVICE_HOST", "ECS_CONTAINER_METADATA_URI", "ECS_CONTAINER_METADATA_URI_V4",
		"AWS_LAMBDA_FUNCTION_NAME", "AWS_EXECUTION_ENV",
	}
}

// saying is a file of values.
func saying(t *testing.T, text string) string {
	t.Helper()
	dir, err := os.MkdirTemp(os.Getenv("VALUES_DIR"), "mock-")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "values.json")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func mock(t *testing.T, path string) *secrets.Secrets {
	t.Helper()
	log := logged(t)
	open, err := secrets.OpenMock(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "warnings", len(log.lines("level=WARN msg=\"suite: values of secrets are made up\"")), 1)
	return open
}

func TestWithoutAFileEverythingIsMadeUp(t *testing.T) {
	onAMachine(t)
	open := mock(t, "")
	database := open.PostgresSuite(t.Context())
	equal(t, "username", database.Username.Expose(), "mock-username-of-"+postgres)
	equal(t, "port", database.Port.Expose(), "mock-port-of-"+postgres)
	equal(t, "user-name", open.SMTPSuite(t.Context()).UserName.Expose(), "mock-user-name-of-"+smtp)
	equal(t, "stripe", open.StripeSuite(t.Context()).Expose(), "mock-value-of-"+stripe)
	equal(t, "tls", string(open.TLSSuite(t.Context()).Expose()), "mock-value-of-"+tls)
	open.Refresh(t.Context())
	equal(t, "stale secrets", len(open.Stale()), 0)
	equal(t, "printed", open.StripeSuite(t.Context()).String(), "[secret]")
}

func TestWhatTheFileSaysIsTaken(t *testing.T) {
	onAMachine(t)
	open := mock(t, saying(t, `{"`+postgres+`": {"username": "`+made("me")+`", "port": 5432.0}, "`+stripe+`": "`+made("token")+`",
		"`+tls+`": "AP8K", "platform-data/of/another": {"a": "b"}}`))
	database := open.PostgresSuite(t.Context())
	same(t, "username", database.Username.Expose(), made("me"))
	same(t, "port", database.Port.Expose(), "5432.0")
	equal(t, "password", database.Password.Expose(), "mock-password-of-"+postgres)
	same(t, "stripe", open.StripeSuite(t.Context()).Expose(), made("token"))
	same(t, "tls", string(open.TLSSuite(t.Context()).Expose()), "\x00\xff\n")
	equal(t, "class", open.SMTPSuite(t.Context()).Class.Expose(), "mock-class-of-"+smtp)
}

func TestAFileThatCannotBeUsedIsSaid(t *testing.T) {
	onAMachine(t)
	for text, want := range map[string]string{
		`CANARY`:                         "it is no JSON object",
		`["x"]`:                          "it is no JSON object",
		`null`:                           "it is no JSON object",
		"{\"\xff\": 1}":                  "it is no JSON object",
		`{"` + postgres + `": "CANARY"}`: "  " + postgres + ": it is no JSON object\n",
		`{"` + postgres + `": null}`:     "  " + postgres + ": it is no JSON object\n",
		`{"` + postgres + `": {"port": {"a": "CANARY"}}}`: "  " + postgres + ": its property `port` is no text\n",
		`{"` + stripe + `": {"value": "CANARY"}}`:         "  " + stripe + ": it is no text\n",
		`{"` + stripe + `": 5}`:                           "  " + stripe + ": it is no text\n",
		`{"` + tls + `": "CANARY!"}`:                      "  " + tls + ": it is no base64 text\n",
	} {
		path := saying(t, strings.ReplaceAll(text, "CANARY", made("x")))
		open, err := secrets.OpenMock(t.Context(), path)
		if err == nil || open != nil {
			t.Fatalf("it opened, where it should say: %s", want)
		}
		sealed(t, "the error", err.Error())
		if !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("another error: %v", err)
		}
	}
	_, err := secrets.OpenMock(t.Context(), filepath.Join(t.TempDir(), "none.json"))
	if err == nil || !strings.Contains(err.Error(), "none.json") {
		t.Errorf("another error: %v", err)
	}
}

func TestItRefusesToStartOnAPlatform(t *testing.T) {
	seen := map[string]string{"SYSTEMD_EXEC_PID": strconv.Itoa(os.Getpid())}
	for _, name := range platforms() {
		seen[name] = "x"
	}
	for name, value := range seen {
		onAMachine(t)
		t.Setenv(name, value)
		open, err := secrets.OpenMock(t.Context(), "")
		if err == nil || open != nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
		t.Setenv("CI", "")
		if _, err := secrets.OpenMock(t.Context(), ""); err == nil {
			t.Errorf("%s: an empty CI lets it start", name)
		}
		t.Setenv("CI", "true")
		mock(t, "")
	}
	onAMachine(t)
	t.Setenv("SYSTEMD_EXEC_PID", strconv.Itoa(os.Getpid()+1))
	mock(t, "")
}

// No variable leads to it; that a build without the tag does not have it is shown with the files that must not compile.
func TestNoVariableLeadsToIt(t *testing.T) {
	fresh(t)
	t.Setenv("SECRETS_SOURCE", "mock")
	text, _ := refused(t)
	equal(t, "the error", text, "suite can't start: SECRETS_SOURCE must be secrets-manager or files")
}
