// The suite of every package that is emitted for Go, run against a package for the application suite that lies in secrets/. The
// store behind it is steered through CONTROL_URL. No value is ever printed: assertions compare, and say only what they compared.
package suite_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"example.org/suite/secrets"
)

const (
	postgres = "platform-data/postgres/suite"
	stripe   = "platform-data/stripe/suite"
	tls      = "platform-data/tls/suite"
	smtp     = "platform-data/smtp/suite"
)

// made makes a value up, with the word in it by which a leak is found.
func made(what string) string { return os.Getenv("MIGRATE_TEST_CANARY") + "-" + what }

// control asks the control of the test, and fails the test where it does not do as it is asked.
func control(t *testing.T, method, path string, body []byte) []byte {
	t.Helper()
	request, err := http.NewRequest(method, os.Getenv("CONTROL_URL")+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode >= 300 {
		t.Fatalf("%s: status %d, %v", path, response.StatusCode, err)
	}
	return answer
}

func post(t *testing.T, path string) {
	t.Helper()
	control(t, http.MethodPost, path, nil)
}

func put(t *testing.T, name, value string) {
	t.Helper()
	control(t, http.MethodPost, "/put?name="+url.QueryEscape(name), []byte(value))
}

// putBinary replaces the secret, since a store may keep the text of one that had a text.
func putBinary(t *testing.T, name string, value []byte) {
	t.Helper()
	post(t, "/delete?name="+name)
	control(t, http.MethodPost, "/put-binary?name="+url.QueryEscape(name), value)
}

func count(t *testing.T, name string) int {
	t.Helper()
	number, err := strconv.Atoi(string(control(t, http.MethodGet, "/count?name="+url.QueryEscape(name), nil)))
	if err != nil {
		t.Fatal(err)
	}
	return number
}

// held is what the store holds; property may be empty.
func held(t *testing.T, name, property string) string {
	t.Helper()
	query := url.Values{"name": {name}}
	if property != "" {
		query.Set("property", property)
	}
	return string(control(t, http.MethodGet, "/value?"+query.Encode(), nil))
}

// fresh puts the store and the variables of the package back to how they are at the start.
func fresh(t *testing.T) {
	t.Helper()
	post(t, "/reset")
	asAtFirst(t)
}

// asAtFirst takes away the variables of the package.
func asAtFirst(t *testing.T) {
	t.Helper()
	for _, name := range []string{"SECRETS_SOURCE", "SECRETS_DIR", "SECRETS_REFRESH_SECONDS"} {
		unset(t, name)
	}
}

// unset is what testing.T has no function for.
func unset(t *testing.T, name string) {
	t.Helper()
	t.Setenv(name, "")
	if err := os.Unsetenv(name); err != nil {
		t.Fatal(err)
	}
}

// opened opens the package on a fresh store, with this refresh interval.
func opened(t *testing.T, seconds int) *secrets.Secrets {
	t.Helper()
	fresh(t)
	t.Setenv("SECRETS_REFRESH_SECONDS", strconv.Itoa(seconds))
	open, err := secrets.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return open
}

// refused opens the package where that must fail, and gives the text of the error.
func refused(t *testing.T) (string, error) {
	t.Helper()
	open, err := secrets.Open(t.Context())
	if err == nil || open != nil {
		t.Fatal("it opened, or it gave secrets beside an error")
	}
	return err.Error(), err
}

func same(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s is another value", what)
	}
}

// equal is for what is no value.
func equal[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s:\n%v\ninstead of\n%v", what, got, want)
	}
}

// eventually waits until a condition holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}

// atOnce runs something so many times at the same moment.
func atOnce(times int, run func()) {
	var ready, done sync.WaitGroup
	begin := make(chan struct{})
	for range times {
		ready.Add(1)
		done.Go(func() {
			ready.Done()
			<-begin
			run()
		})
	}
	ready.Wait()
	close(begin)
	done.Wait()
}

// journal is what was logged, at every level.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(line []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(line)
}

// lines are those lines that have a text in them.
func (j *journal) lines(with string) []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	var found []string
	for line := range strings.Lines(j.text.String()) {
		if strings.Contains(line, with) {
			found = append(found, line)
		}
	}
	return found
}

// logged catches what is logged from here on.
func logged(t *testing.T) *journal {
	t.Helper()
	j := &journal{}
	logTo(t, slog.NewTextHandler(j, &slog.HandlerOptions{Level: slog.LevelDebug}))
	return j
}

func logTo(t *testing.T, handler slog.Handler) {
	t.Helper()
	before := slog.Default()
	slog.SetDefault(slog.New(handler))
	t.Cleanup(func() { slog.SetDefault(before) })
}

// mounted lays files as Kubernetes mounts them, or plainly where it is told to, and makes the package read them.
func mounted(t *testing.T, plainly bool) string {
	t.Helper()
	dir, err := os.MkdirTemp(os.Getenv("VALUES_DIR"), "mounted-")
	if err != nil {
		t.Fatal(err)
	}
	for folder, keys := range map[string][]string{
		"postgres-suite": {"username", "password", "port"},
		"stripe-suite":   {"value"},
		"tls-suite":      {"keystore.p12"},
		"mail":           {"MAIL_CLASS", "MAIL_USER", "2fa", "url"},
	} {
		values := map[string]string{}
		for _, key := range keys {
			values[key] = made("first-" + key)
		}
		if plainly {
			write(t, filepath.Join(dir, folder), values)
		} else {
			swap(t, filepath.Join(dir, folder), "..first", values)
		}
	}
	t.Setenv("SECRETS_SOURCE", "files")
	t.Setenv("SECRETS_DIR", dir)
	return dir
}

func write(t *testing.T, folder string, values map[string]string) {
	t.Helper()
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	for key, value := range values {
		if err := os.WriteFile(filepath.Join(folder, key), []byte(value), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// swap renews a mounted folder as the kubelet does: a new version beside the old one, the link renamed into its place, the old
// version taken away.
func swap(t *testing.T, folder, version string, values map[string]string) {
	t.Helper()
	write(t, filepath.Join(folder, version), values)
	link := filepath.Join(folder, "..data")
	before, _ := os.Readlink(link)
	if err := os.Symlink(version, link+"_tmp"); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(link+"_tmp", link); err != nil {
		t.Fatal(err)
	}
	if before == "" {
		for key := range values {
			if err := os.Symlink(filepath.Join("..data", key), filepath.Join(folder, key)); err != nil {
				t.Fatal(err)
			}
		}
	} else if err := os.RemoveAll(filepath.Join(folder, before)); err != nil {
		t.Fatal(err)
	}
}

// within is a context that ends well before a test does.
func within(t *testing.T, limit time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	return ctx
}
