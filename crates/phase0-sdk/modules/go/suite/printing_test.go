package suite_test

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"strings"
	"testing"
	"text/template"

	"example.org/suite/secrets"
)

// config is how an application may keep secrets: where fmt may not call their methods.
type config struct {
	database secrets.PostgresSuite
	token    secrets.Text
	key      *secrets.Binary
}

func TestNothingPrints(t *testing.T) {
	open := opened(t, 300)
	database, token, key := open.PostgresSuite(t.Context()), open.StripeSuite(t.Context()), open.TLSSuite(t.Context())

	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%5.2f", "%t", "%c", "%U", "%e"} {
		equal(t, verb, fmt.Sprintf(verb, token), "[secret]")
		equal(t, verb, fmt.Sprintf(verb, &token), "[secret]")
		equal(t, verb, fmt.Sprintf(verb, key), "[secret]")
	}
	equal(t, "%v", fmt.Sprintf("%v", database), "{[secret] [secret] [secret]}")
	equal(t, "%+v", fmt.Sprintf("%+v", database), "{Username:[secret] Password:[secret] Port:[secret]}")
	equal(t, "%#v", fmt.Sprintf("%#v", database),
		"secrets.PostgresSuite{Username:[secret], Password:[secret], Port:[secret]}")
	equal(t, "Sprint", fmt.Sprint(token, key), "[secret] [secret]")
	equal(t, "String", token.String()+key.String(), "[secret][secret]")
	equal(t, "an error", fmt.Errorf("refused: %w", errors.New(fmt.Sprint(token))).Error(), "refused: [secret]")

	within := []any{
		database, &database, token, key, open, *open,
		[]secrets.Text{token}, map[string]secrets.Text{"token": token}, []any{database, &token},
		struct{ Token secrets.Text }{token}, config{database, token, &key}, &config{database, token, &key},
		map[string]any{"all": []any{config{database, token, &key}}},
	}
	var printed strings.Builder
	for _, each := range within {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%p", "%c", "%U", "%t", "%e", "%!", "%T", "%w"} {
			fmt.Fprintf(&printed, verb+"\n", each)
		}
		_, _ = fmt.Fprintln(&printed, each)
	}
	sealed(t, "fmt", printed.String())
}

// sealed fails where something printed has a value in it, also as numbers in hexadecimal or decimal.
func sealed(t *testing.T, who, printed string) {
	t.Helper()
	word := made("")
	spaced := strings.Trim(fmt.Sprint([]byte(word)), "[]")
	if printed == "" {
		t.Errorf("%s printed nothing", who)
	}
	for _, form := range []string{word, fmt.Sprintf("%x", word), fmt.Sprintf("%X", word), spaced, strings.ReplaceAll(spaced, " ", ", ")} {
		if strings.Contains(printed, form) {
			t.Errorf("%s printed a value", who)
		}
	}
}

func TestNothingIsLogged(t *testing.T) {
	open := opened(t, 300)
	database, token, key := open.PostgresSuite(t.Context()), open.StripeSuite(t.Context()), open.TLSSuite(t.Context())
	all := []any{"database", database, "token", token, "key", key, "pointer", &token, "open", open,
		"group", slog.GroupValue(slog.Any("token", token)), "list", []secrets.Text{token}}
	var asText, asJSON, plain bytes.Buffer
	options := &slog.HandlerOptions{Level: slog.LevelDebug}
	slog.New(slog.NewTextHandler(&asText, options)).Debug("secrets", all...)
	slog.New(slog.NewJSONHandler(&asJSON, options)).Debug("secrets", all...)
	log.New(&plain, "", 0).Println(all...)
	for who, printed := range map[string]string{"text": asText.String(), "JSON": asJSON.String(), "log": plain.String()} {
		sealed(t, who, printed)
		if !strings.Contains(printed, "[secret]") {
			t.Errorf("%s does not say that there is a secret", who)
		}
	}
}

func TestThePackageItselfLogsNothingOfAValue(t *testing.T) {
	fresh(t)
	log := logged(t)
	open, err := secrets.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	put(t, postgres, made("no object {"))
	post(t, "/delete?name="+stripe)
	open.Refresh(t.Context())
	eventually(t, "both are logged", func() bool { return len(log.lines("level=WARN")) == 2 })
	sealed(t, "the log", strings.Join(log.lines(""), ""))
	sealed(t, "Stale", fmt.Sprintf("%+v", open.Stale()))
	text, failed := refused(t)
	sealed(t, "the error", text+fmt.Sprintf("%#v %v", failed, errors.Unwrap(failed)))
}

func TestNothingIsEncoded(t *testing.T) {
	open := opened(t, 300)
	database, token, key := open.PostgresSuite(t.Context()), open.StripeSuite(t.Context()), open.TLSSuite(t.Context())

	encoded, err := json.Marshal(map[string]any{"database": database, "key": key, "token": &token})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "JSON", string(encoded), `{"database":{"Username":"[secret]","Password":"[secret]","Port":"[secret]"},`+
		`"key":"[secret]","token":"[secret]"}`)
	encoded, err = xml.Marshal(database)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "XML", string(encoded), "<PostgresSuite><Username>[secret]</Username><Password>[secret]</Password>"+
		"<Port>[secret]</Port></PostgresSuite>")

	var filled bytes.Buffer
	if err := template.Must(template.New("").Parse("{{.Password}} {{.}}")).Execute(&filled, database); err != nil {
		t.Fatal(err)
	}
	equal(t, "a template", filled.String(), "[secret] {[secret] [secret] [secret]}")

	var binary bytes.Buffer
	if err := gob.NewEncoder(&binary).Encode(token); err == nil {
		t.Error("gob encodes a value")
	}
}
