package suite_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"example.org/suite/secrets"
)

func TestWhatTheStoreHoldsIsRead(t *testing.T) {
	open := opened(t, 300)
	database, mail := open.PostgresSuite(t.Context()), open.SMTPSuite(t.Context())
	for _, each := range []struct {
		secret, property string
		value            secrets.Text
	}{
		{postgres, "username", database.Username},
		{postgres, "password", database.Password},
		{postgres, "port", database.Port},
		{stripe, "", open.StripeSuite(t.Context())},
		{smtp, "class", mail.Class},
		{smtp, "user-name", mail.UserName},
		{smtp, "2fa", mail.X2fa},
		{smtp, "url", mail.URL},
	} {
		same(t, each.secret+" "+each.property, each.value.Expose(), held(t, each.secret, each.property))
	}
	same(t, tls, string(open.TLSSuite(t.Context()).Expose()), held(t, tls, ""))
}

// port reads the property port of a JSON object in which it is written so.
func port(t *testing.T, object string) (string, string) {
	t.Helper()
	put(t, postgres, strings.ReplaceAll(object, "CANARY", made("x")))
	open, err := secrets.Open(t.Context())
	if err != nil {
		_, line, _ := strings.Cut(err.Error(), "  "+postgres+": ")
		reason, _, _ := strings.Cut(line, "\n")
		return "", reason
	}
	return open.PostgresSuite(t.Context()).Port.Expose(), ""
}

func object(port string) string {
	return `{"username": "CANARY", "password": "CANARY", "port": ` + port + `}`
}

func TestScalarsAreTakenAsTheyAreWritten(t *testing.T) {
	fresh(t)
	for written, want := range map[string]string{
		`1.10`:                              "1.10",
		`12345678901234567890`:              "12345678901234567890",
		`1E400`:                             "1E400",
		`-0`:                                "-0",
		`0.1000`:                            "0.1000",
		`true`:                              "true",
		`false`:                             "false",
		`""`:                                "",
		`" 5432\n"`:                         " 5432\n",
		`"\u0000\u00e9\ud83d\ude00"`:        "\x00é😀",
		`"é😀\ufffd� \\ud800"`:               "é😀\ufffd\ufffd \\ud800",
		`"\ufeff"`:                          "\ufeff",
		`5432, "port": 5433`:                "5433",
		"\t5432 \n":                         "5432",
		`"x", "p\u006frt": "y", "Port": ""`: "y",
	} {
		got, reason := port(t, object(written))
		equal(t, "the reason", reason, "")
		same(t, written, got, want)
	}
}

func TestWhatIsNoTextIsSaid(t *testing.T) {
	fresh(t)
	const noText, noObject = "its property `port` is no text", "it is no JSON object"
	for written, want := range map[string]string{
		object(`null`):                             noText,
		object(`{"CANARY": 1}`):                    noText,
		object(`["CANARY"]`):                       noText,
		object(`1, "port": null`):                  noText,
		object(`"CANARY\ud800"`):                   noText,
		object(`"\\\udc00CANARY"`):                 noText,
		object(`"\ud800\ud800\udc00"`):             noText,
		object(`1, "PORT": 2, "port": []`):         noText,
		`{"username": "CANARY", "port": "CANARY"}`: "it has no property `password`",
		`["CANARY"]`:                               noObject,
		`"CANARY"`:                                 noObject,
		`null`:                                     noObject,
		`CANARY`:                                   noObject,
		object(`"CANARY"`) + `x`:                   noObject,
		`{"port": "CANARY`:                         noObject,
		"\ufeff" + object(`"CANARY"`):              noObject,
		object("\"CANARY\t\""):                     noObject,
		object(`01`):                               noObject,
		object(`NaN`):                              noObject,
		object(strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000))[:60_000]: noObject,
	} {
		_, reason := port(t, written)
		equal(t, "the reason of an object", reason, want)
	}
}

func TestTextsKeepEveryCharacter(t *testing.T) {
	fresh(t)
	for _, value := range []string{
		made(" with a line end\n"), "\ufeff" + made("mark"), made("é\u0301😀\u202e\u0000"), made(strings.Repeat("é", 32_000)),
	} {
		put(t, stripe, value)
		open, err := secrets.Open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		same(t, "stripe", open.StripeSuite(t.Context()).Expose(), value)
	}
	putBinary(t, stripe, []byte("\xc3"))
	text, _ := refused(t)
	if !strings.Contains(text, "\n  "+stripe+": it is no UTF-8 text\n") {
		t.Errorf("another error: %s", text)
	}
}

func TestBytesAreKeptAsTheyAre(t *testing.T) {
	fresh(t)
	large := bytes.Repeat([]byte{0, 0xff, 0x80, '\n'}, 65_536/4)
	for _, value := range [][]byte{{0}, []byte(made("\x00\xff\xfe\n")), large} {
		putBinary(t, tls, value)
		open, err := secrets.Open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		read := open.TLSSuite(t.Context()).Expose()
		same(t, "tls", string(read), string(value))
		// What is given out is a copy.
		read[0]++
		same(t, "tls", string(open.TLSSuite(t.Context()).Expose()), string(value))
	}
	// What is declared as bytes may be stored as text.
	post(t, "/delete?name="+tls)
	put(t, tls, made("text"))
	open, err := secrets.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	same(t, "tls", string(open.TLSSuite(t.Context()).Expose()), made("text"))
}

func TestValuesAreComparedByWhatTheyAre(t *testing.T) {
	open := opened(t, 300)
	database := open.PostgresSuite(t.Context())
	equal(t, "the same text", database.Password.Equal(open.PostgresSuite(t.Context()).Password), true)
	equal(t, "another text", database.Password.Equal(database.Username), false)
	equal(t, "a text and none", database.Password.Equal(secrets.Text{}), false)
	equal(t, "no text and none", secrets.Text{}.Equal(secrets.Text{}), true)
	keys := open.TLSSuite(t.Context())
	equal(t, "the same bytes", keys.Equal(open.TLSSuite(t.Context())), true)
	equal(t, "bytes and none", keys.Equal(secrets.Binary{}), false)
	if (secrets.Text{}).Expose() != "" || (secrets.Binary{}).Expose() != nil {
		t.Error("nothing is something")
	}
}

func TestNothingReadsAValueIn(t *testing.T) {
	for _, text := range []string{`"x"`, `{"value": "x"}`, `{}`} {
		var read struct{ Token secrets.Text }
		_ = json.Unmarshal([]byte(`{"Token": `+text+`}`), &read)
		equal(t, "a value was made from JSON", read.Token.Expose() != "", false)
	}
}
