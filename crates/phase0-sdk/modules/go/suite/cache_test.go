package suite_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"example.org/suite/secrets"
)

// At a server, time is real: intervals are so long that a busy machine does not outlast one by accident.
const interval = 2

func TestReadsWithinTheIntervalAskNobody(t *testing.T) {
	open := opened(t, 300)
	before, first := count(t, stripe), held(t, stripe, "")
	for range 100 {
		same(t, "stripe", open.StripeSuite(t.Context()).Expose(), first)
	}
	equal(t, "requests", count(t, stripe)-before, 0)
}

func TestOpenAsksOnceForEach(t *testing.T) {
	fresh(t)
	before := map[string]int{}
	for _, name := range []string{postgres, stripe, tls, smtp} {
		before[name] = count(t, name)
	}
	if _, err := secrets.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	for name, requests := range before {
		equal(t, "requests for "+name, count(t, name)-requests, 1)
	}
}

func TestAfterTheIntervalOneReadAsksOnce(t *testing.T) {
	open := opened(t, interval)
	before := count(t, stripe)
	put(t, stripe, made("second"))
	eventually(t, "the new value is read", func() bool { return open.StripeSuite(t.Context()).Expose() == made("second") })
	equal(t, "requests", count(t, stripe)-before, 1)
}

func TestManyReadersAtTheEndOfTheIntervalAskOnce(t *testing.T) {
	open := opened(t, interval)
	before := count(t, postgres)
	put(t, postgres, `{"username": "`+made("second")+`", "password": "x", "port": "x"}`)
	post(t, "/slow?milliseconds=300")
	time.Sleep(interval*time.Second + 100*time.Millisecond)
	atOnce(50, func() {
		same(t, "username", open.PostgresSuite(t.Context()).Username.Expose(), made("second"))
	})
	equal(t, "requests", count(t, postgres)-before, 1)
}

func TestRefreshReadsAtOnce(t *testing.T) {
	open := opened(t, 300)
	before := count(t, stripe)
	put(t, stripe, made("second"))
	if open.StripeSuite(t.Context()).Expose() == made("second") {
		t.Error("it asked within the interval")
	}
	open.Refresh(t.Context())
	same(t, "stripe", open.StripeSuite(t.Context()).Expose(), made("second"))
	equal(t, "requests", count(t, stripe)-before, 1)
}

func TestRefreshesAtTheSameMomentShareOne(t *testing.T) {
	open := opened(t, 300)
	before := count(t, stripe)
	post(t, "/slow?milliseconds=1000")
	atOnce(20, func() { open.Refresh(t.Context()) })
	equal(t, "requests", count(t, stripe)-before, 1)
}

func TestAnOutageLeavesTheValues(t *testing.T) {
	open := opened(t, 1)
	log := logged(t)
	first := held(t, stripe, "")
	post(t, "/stop")
	t.Cleanup(func() { post(t, "/start") })
	for range 3 {
		open.Refresh(t.Context())
		same(t, "stripe", open.StripeSuite(t.Context()).Expose(), first)
	}
	if len(open.Stale()) != 4 {
		t.Fatalf("stale: %v", open.Stale())
	}
	for place, name := range []string{postgres, smtp, stripe, tls} {
		stale := open.Stale()[place]
		equal(t, "name", stale.Name, name)
		if time.Since(stale.Since) < 0 || time.Since(stale.Since) > time.Minute {
			t.Errorf("%s is stale since another time: %v", name, stale.Since)
		}
		if !strings.HasSuffix(stale.Reason, "connection refused") {
			t.Errorf("%s: another reason: %s", name, stale.Reason)
		}
		eventually(t, "it is logged", func() bool { return len(log.lines(name)) > 0 })
		warned := log.lines(name + ": can't be renewed since " + stale.Since.Format(time.RFC3339) +
			", going on with the value in memory: ")
		equal(t, "warnings of "+name, len(warned), 1)
	}

	post(t, "/start")
	put(t, stripe, made("after"))
	eventually(t, "the new value is read", func() bool { return open.StripeSuite(t.Context()).Expose() == made("after") })
	open.Refresh(t.Context())
	equal(t, "stale secrets", len(open.Stale()), 0)
	// It is logged just after the renewal, which is what a refresh waits for.
	eventually(t, "all are said to be over", func() bool { return len(log.lines("level=INFO")) >= 4 })
	equal(t, "lines about the end", len(log.lines("level=INFO msg=\""+stripe+": renewed again")), 1)
	equal(t, "lines", len(log.lines("")), 8)
}

func TestWhatBecomesUnusableLeavesTheValue(t *testing.T) {
	for reason, spoil := range map[string]func(){
		"ResourceNotFoundException: Secrets Manager can't find the specified secret.": func() { post(t, "/delete?name="+postgres) },
		"AccessDeniedException":          func() { post(t, "/deny?name="+postgres) },
		"it has no property `password`":  func() { put(t, postgres, `{"username": "`+made("new")+`", "port": "1"}`) },
		"its property `port` is no text": func() { put(t, postgres, `{"username": "x", "password": "x", "port": null}`) },
		"it is no JSON object":           func() { put(t, postgres, made("no object")) },
		"it is no UTF-8 text":            func() { putBinary(t, postgres, []byte{0xff}) },
	} {
		t.Run(reason, func(t *testing.T) {
			open := opened(t, 300)
			log := logged(t)
			first := open.PostgresSuite(t.Context())
			spoil()
			open.Refresh(t.Context())
			open.Refresh(t.Context())
			now := open.PostgresSuite(t.Context())
			if !now.Username.Equal(first.Username) || !now.Password.Equal(first.Password) || !now.Port.Equal(first.Port) {
				t.Error("a value went away")
			}
			stale := open.Stale()
			if len(stale) != 1 || stale[0].Name != postgres || !strings.HasPrefix(stale[0].Reason, reason) {
				t.Errorf("stale: %v", stale)
			}
			eventually(t, "it is logged", func() bool { return len(log.lines("")) > 0 })
			equal(t, "warnings", len(log.lines("level=WARN")), 1)
		})
	}
}

func TestAStoreThatRefusesIsAskedLessAndLess(t *testing.T) {
	open := opened(t, 300)
	post(t, "/deny?name="+stripe)
	before := count(t, stripe)
	open.Refresh(t.Context())
	var asked []time.Time
	eventually(t, "it asked two times more", func() bool {
		open.StripeSuite(t.Context())
		for count(t, stripe)-before > len(asked) {
			asked = append(asked, time.Now())
		}
		return len(asked) >= 3
	})
	// A busy machine can make these longer, never shorter but by the time that one look takes.
	if asked[1].Sub(asked[0]) < 900*time.Millisecond || asked[2].Sub(asked[1]) < 1900*time.Millisecond {
		t.Errorf("it asked at %v", asked)
	}
}

func TestAnOutageKeepsOneReaderWaitingAndNobodyElse(t *testing.T) {
	open := opened(t, 1)
	first := held(t, stripe, "")
	post(t, "/deny?name="+stripe)
	open.Refresh(t.Context())
	post(t, "/slow?milliseconds=2000")
	before := count(t, stripe)
	trying := make(chan struct{})
	go func() {
		defer close(trying)
		for count(t, stripe) == before {
			open.StripeSuite(t.Context())
		}
	}()
	eventually(t, "one reader tries", func() bool { return count(t, stripe) > before })
	same(t, "stripe", open.StripeSuite(t.Context()).Expose(), first)
	select {
	case <-trying:
		t.Error("the other reader waited for the one that tries")
	default:
	}
	<-trying
}

func TestACancelledReadGivesWhatIsInMemory(t *testing.T) {
	open := opened(t, 1)
	first := held(t, stripe, "")
	put(t, stripe, made("second"))
	before := count(t, stripe)
	log := logged(t)
	post(t, "/slow?milliseconds=2000")
	eventually(t, "a read at the end of the interval", func() bool {
		same(t, "stripe", open.StripeSuite(within(t, 10*time.Millisecond)).Expose(), first)
		return count(t, stripe) > before
	})
	// The renewal that it began goes on without it, and is no failure.
	eventually(t, "the new value is read", func() bool { return open.StripeSuite(t.Context()).Expose() == made("second") })
	equal(t, "lines", len(log.lines("")), 0)
}

// reading is a log handler that itself reads secrets, as one does that sends logs somewhere with a token.
type reading struct {
	slog.Handler
	open **secrets.Secrets
}

func (r reading) Handle(ctx context.Context, record slog.Record) error {
	(*r.open).StripeSuite(ctx)
	(*r.open).Stale()
	return r.Handler.Handle(ctx, record)
}

func TestALogHandlerMayReadSecrets(t *testing.T) {
	open := opened(t, 300)
	var text bytes.Buffer
	done := make(chan struct{})
	logTo(t, reading{slog.NewTextHandler(&text, nil), &open})
	control(t, http.MethodPost, "/deny?name="+stripe, nil)
	go func() {
		defer close(done)
		open.Refresh(t.Context())
		open.Refresh(t.Context())
	}()
	select {
	case <-done:
	case <-within(t, 20*time.Second).Done():
		t.Fatal("it waits for itself")
	}
}

func TestAChangeOfTheKindOfValueIsSeen(t *testing.T) {
	open := opened(t, 300)
	for _, number := range []int{1, 2, 3} {
		value := made(strconv.Itoa(number))
		post(t, "/delete?name="+stripe)
		if number == 2 {
			putBinary(t, stripe, []byte(value))
		} else {
			put(t, stripe, value)
		}
		open.Refresh(t.Context())
		same(t, "stripe", open.StripeSuite(t.Context()).Expose(), value)
	}
}
