package suite_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"example.org/suite/secrets"
)

// Files are read without the network, so that time can be made up: it passes only while everything waits, and then at once.

func openedFiles(t *testing.T) *secrets.Secrets {
	t.Helper()
	open, err := secrets.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return open
}

func TestMountedFilesAreRead(t *testing.T) {
	for _, plainly := range []bool{false, true} {
		fresh(t)
		dir := mounted(t, plainly)
		open := openedFiles(t)
		same(t, "username", open.PostgresSuite(t.Context()).Username.Expose(), made("first-username"))
		same(t, "class", open.SMTPSuite(t.Context()).Class.Expose(), made("first-MAIL_CLASS"))
		same(t, "2fa", open.SMTPSuite(t.Context()).X2fa.Expose(), made("first-2fa"))
		same(t, "stripe", open.StripeSuite(t.Context()).Expose(), made("first-value"))
		same(t, "tls", string(open.TLSSuite(t.Context()).Expose()), made("first-keystore.p12"))

		// Bytes are as they are: nothing is trimmed, nothing is decoded.
		exact := map[string]string{"username": made(" x \r\n"), "password": "{\"a\": 1}\n", "port": ""}
		if plainly {
			write(t, filepath.Join(dir, "postgres-suite"), exact)
			write(t, filepath.Join(dir, "tls-suite"), map[string]string{"keystore.p12": made("\x00\xff\n")})
		} else {
			swap(t, filepath.Join(dir, "postgres-suite"), "..second", exact)
			swap(t, filepath.Join(dir, "tls-suite"), "..second", map[string]string{"keystore.p12": made("\x00\xff\n")})
		}
		open.Refresh(t.Context())
		database := open.PostgresSuite(t.Context())
		same(t, "username", database.Username.Expose(), exact["username"])
		same(t, "password", database.Password.Expose(), exact["password"])
		same(t, "port", database.Port.Expose(), "")
		same(t, "tls", string(open.TLSSuite(t.Context()).Expose()), made("\x00\xff\n"))
		equal(t, "stale secrets", len(open.Stale()), 0)
	}
}

func TestMissingFilesAreNamed(t *testing.T) {
	fresh(t)
	dir := mounted(t, false)
	swap(t, filepath.Join(dir, "postgres-suite"), "..second", map[string]string{"username": made("x"), "port": "1"})
	if err := os.RemoveAll(filepath.Join(dir, "tls-suite")); err != nil {
		t.Fatal(err)
	}
	// A link that leads nowhere.
	if err := os.RemoveAll(filepath.Join(dir, "stripe-suite", "..first")); err != nil {
		t.Fatal(err)
	}
	swap(t, filepath.Join(dir, "mail"), "..second", map[string]string{"MAIL_CLASS": "x", "MAIL_USER": "\xff", "2fa": "x", "url": "x"})
	text, _ := refused(t)
	equal(t, "the error", text, "suite can't start: 4 of 4 secrets could not be read from "+dir+"\n"+
		"  "+postgres+": there is no file "+filepath.Join(dir, "postgres-suite/password")+"\n"+
		"  "+smtp+": its property `user-name` is no UTF-8 text\n"+
		"  "+stripe+": there is no file "+filepath.Join(dir, "stripe-suite/value")+"\n"+
		"  "+tls+": there is no file "+filepath.Join(dir, "tls-suite/keystore.p12")+"\n"+
		"check that the Kubernetes Secrets are mounted there")

	dir = mounted(t, true)
	key := filepath.Join(dir, "stripe-suite/value")
	if err := os.Remove(key); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(key, 0o700); err != nil {
		t.Fatal(err)
	}
	text, _ = refused(t)
	if !strings.Contains(text, "\n  "+stripe+": the file "+key+" can't be read: is a directory\n") {
		t.Errorf("another error: %s", text)
	}
}

func TestAMountedFolderIsReadAgainAfterTheInterval(t *testing.T) {
	fresh(t)
	dir := mounted(t, false)
	t.Setenv("SECRETS_REFRESH_SECONDS", "60")
	synctest.Test(t, func(t *testing.T) {
		open := openedFiles(t)
		swap(t, filepath.Join(dir, "stripe-suite"), "..second", map[string]string{"value": made("second")})
		time.Sleep(time.Minute - time.Nanosecond)
		same(t, "just before", open.StripeSuite(t.Context()).Expose(), made("first-value"))
		time.Sleep(time.Nanosecond)
		same(t, "at the end", open.StripeSuite(t.Context()).Expose(), made("second"))

		// That began the interval again.
		swap(t, filepath.Join(dir, "stripe-suite"), "..third", map[string]string{"value": made("third")})
		time.Sleep(time.Minute - time.Nanosecond)
		same(t, "just before the next", open.StripeSuite(t.Context()).Expose(), made("second"))
		open.Refresh(t.Context())
		same(t, "after a refresh", open.StripeSuite(t.Context()).Expose(), made("third"))
	})
}

func TestAFolderThatIsGoneIsLookedForLessAndLess(t *testing.T) {
	fresh(t)
	dir := mounted(t, false)
	log := logged(t)
	t.Setenv("SECRETS_REFRESH_SECONDS", "10")
	synctest.Test(t, func(t *testing.T) {
		open := openedFiles(t)
		folder, away := filepath.Join(dir, "stripe-suite"), filepath.Join(dir, "away")
		move(t, folder, away)
		time.Sleep(10 * time.Second)
		since := time.Now().UTC()
		// It fails at once and after 1, 2, 4 and 8 seconds more, then every 10 seconds, the interval.
		for _, pause := range []time.Duration{1, 2, 4, 8, 10, 10} {
			same(t, "stripe", open.StripeSuite(t.Context()).Expose(), made("first-value"))
			// It is there for a moment in which nobody looks.
			move(t, away, folder)
			time.Sleep(pause*time.Second - time.Nanosecond)
			same(t, "stripe", open.StripeSuite(t.Context()).Expose(), made("first-value"))
			if len(open.Stale()) != 1 {
				t.Fatalf("it looked too early, or forgot: %v", open.Stale())
			}
			move(t, folder, away)
			time.Sleep(time.Nanosecond)
		}
		stale := open.Stale()[0]
		equal(t, "the name", stale.Name, stripe)
		equal(t, "since", stale.Since, since)
		equal(t, "the reason", stale.Reason, "there is no file "+filepath.Join(folder, "value"))
		warned := stripe + ": can't be renewed since " + since.Format(time.RFC3339) +
			", going on with the value in memory: " + stale.Reason
		equal(t, "warnings", len(log.lines(warned)), 1)

		move(t, away, folder)
		open.StripeSuite(t.Context())
		synctest.Wait()
		equal(t, "stale secrets", len(open.Stale()), 0)
		equal(t, "lines about the end", len(log.lines(stripe+": renewed again")), 1)
		equal(t, "lines", len(log.lines("")), 2)

		// The next failure is a new one.
		move(t, folder, away)
		open.Refresh(t.Context())
		synctest.Wait()
		equal(t, "warnings", len(log.lines("level=WARN")), 2)
		time.Sleep(time.Second)
		move(t, away, folder)
		open.StripeSuite(t.Context())
		equal(t, "stale secrets", len(open.Stale()), 0)
	})
}

func move(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

func TestAVersionThatVanishesIsReadAgainFromTheStart(t *testing.T) {
	fresh(t)
	dir := mounted(t, false)
	folder := filepath.Join(dir, "postgres-suite")
	swap(t, folder, "..second", map[string]string{"password": made("second"), "port": made("second")})
	// A pipe holds whoever reads it until somebody writes.
	pipe := filepath.Join(folder, "..second", "username")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	reached := make(chan *secrets.Secrets)
	go func() {
		open, err := secrets.Open(t.Context())
		if err != nil {
			t.Error(err)
		}
		reached <- open
	}()
	writer, err := os.OpenFile(pipe, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	swap(t, folder, "..third", map[string]string{"username": made("third"), "password": made("third"), "port": made("third")})
	_, _ = writer.WriteString(made("second"))
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	if open := <-reached; open != nil {
		read := open.PostgresSuite(t.Context())
		same(t, "username", read.Username.Expose(), made("third"))
		same(t, "password", read.Password.Expose(), made("third"))
	}
}

func TestTwoVersionsAreNeverMixed(t *testing.T) {
	fresh(t)
	dir := mounted(t, false)
	folder := filepath.Join(dir, "postgres-suite")
	of := func(version string) map[string]string {
		return map[string]string{"username": made(version), "password": made(version), "port": made(version)}
	}
	swap(t, folder, "..0", of("0"))
	open := openedFiles(t)
	var over atomic.Bool
	var renewed atomic.Int64
	done := make(chan struct{})
	go func() {
		defer close(done)
		last := ""
		for !over.Load() {
			open.Refresh(t.Context())
			read := open.PostgresSuite(t.Context())
			if !read.Username.Equal(read.Password) || !read.Username.Equal(read.Port) {
				t.Error("two versions are mixed")
				return
			}
			if now := read.Username.Expose(); now != last {
				last = now
				renewed.Add(1)
			}
		}
	}()
	names := []string{"0", "1", "2"}
	for turn := 1; turn < 300 || (renewed.Load() < 20 && turn < 20_000); turn++ {
		swap(t, folder, ".."+names[turn%3], of(names[turn%3]))
	}
	over.Store(true)
	<-done
	if renewed.Load() < 20 {
		t.Error("it hardly ever read a new version, so this shows nothing")
	}
}
