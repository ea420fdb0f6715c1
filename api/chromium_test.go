package api_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// tab is one page of a headless Chromium, driven by its DevTools protocol.
type tab struct {
	t      *testing.T
	conn   *websocket.Conn
	ids    atomic.Int64
	errors []string // what the page's console said: exceptions, refused resources
}

// chromium starts a browser with a profile of its own; it ends with the test.
func chromium(t *testing.T) *tab {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("chromium is not installed (apt-get install chromium)")
	}
	profile := t.TempDir()
	cmd := exec.Command(path, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
		"--no-first-run", "--disable-background-networking", "--remote-debugging-port=0", "--user-data-dir="+profile,
		"about:blank")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // the group that we made, with its helpers
		cmd.Wait()
	})
	port := ""
	until(t, "the browser's port", func() bool {
		text, err := os.ReadFile(filepath.Join(profile, "DevToolsActivePort"))
		lines := strings.Split(string(text), "\n")
		if err != nil || len(lines) < 2 {
			return false
		}
		port = lines[0] + lines[1]
		return true
	})
	host, rest, _ := strings.Cut(port, "/")
	browser := dialTab(t, "ws://127.0.0.1:"+host+"/"+rest)
	var target struct{ TargetID string }
	browser.call("Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	page := dialTab(t, "ws://127.0.0.1:"+host+"/devtools/page/"+target.TargetID)
	for _, domain := range []string{"Page.enable", "Runtime.enable", "Log.enable"} {
		page.call(domain, nil, nil)
	}
	page.call("Emulation.setUserAgentOverride", map[string]any{"userAgent": "Ramal test", "acceptLanguage": "pt-BR"}, nil)
	return page
}

func dialTab(t *testing.T, url string) *tab {
	t.Helper()
	conn, _, err := websocket.Dial(t.Context(), url, nil)
	if err != nil {
		t.Fatal(err)
	}
	conn.SetReadLimit(64 << 20)
	t.Cleanup(func() { conn.CloseNow() })
	return &tab{t: t, conn: conn}
}

// until asks again and again, since the other side is a process that cannot be waited on otherwise.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	end := time.After(2 * deadline)
	for !ok() {
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

func (b *tab) call(method string, params, result any) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), 2*deadline)
	defer cancel()
	id := b.ids.Add(1)
	if params == nil {
		params = map[string]any{}
	}
	data, err := json.Marshal(map[string]any{"id": id, "method": method, "params": params})
	if err != nil {
		b.t.Fatal(err)
	}
	if err := b.conn.Write(ctx, websocket.MessageText, data); err != nil {
		b.t.Fatal(err)
	}
	for {
		_, data, err := b.conn.Read(ctx)
		if err != nil {
			b.t.Fatalf("%s: %v", method, err)
		}
		var m struct {
			ID     int64
			Method string
			Params json.RawMessage
			Result json.RawMessage
			Error  *struct{ Message string }
		}
		if err := json.Unmarshal(data, &m); err != nil {
			b.t.Fatal(err)
		}
		if m.Method == "Runtime.exceptionThrown" ||
			m.Method == "Log.entryAdded" && strings.Contains(string(m.Params), `"error"`) {
			b.errors = append(b.errors, string(m.Params))
		}
		if m.ID != id {
			continue
		}
		if m.Error != nil {
			b.t.Fatalf("%s: %s", method, m.Error.Message)
		}
		if result != nil {
			if err := json.Unmarshal(m.Result, result); err != nil {
				b.t.Fatal(err)
			}
		}
		return
	}
}

// eval runs an expression in the page and returns its value as text.
func (b *tab) eval(expression string) string {
	b.t.Helper()
	var r struct {
		Result           struct{ Value any }
		ExceptionDetails *struct{ Text string }
	}
	b.call("Runtime.evaluate", map[string]any{"expression": expression, "returnByValue": true, "awaitPromise": true}, &r)
	if r.ExceptionDetails != nil {
		b.t.Fatalf("%s: %s", expression, r.ExceptionDetails.Text)
	}
	return fmt.Sprint(r.Result.Value)
}

func (b *tab) open(url string) {
	b.t.Helper()
	b.call("Page.navigate", map[string]any{"url": url}, nil)
}

// sees waits until the visible text of the page has all of the given.
func (b *tab) sees(texts ...string) {
	b.t.Helper()
	shown := ""
	end := time.Now().Add(deadline)
	until(b.t, fmt.Sprintf("the page to show %q", texts), func() bool {
		shown = b.eval("document.body ? document.body.innerText : ''")
		for _, want := range texts {
			if !strings.Contains(shown, want) {
				if time.Now().After(end) {
					b.t.Fatalf("the page does not show %q; it shows:\n%s\nconsole: %s", want, shown, b.errors)
				}
				return false
			}
		}
		return true
	})
}

func (b *tab) size(width, height int) {
	b.t.Helper()
	b.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": height,
		"deviceScaleFactor": 1, "mobile": width < 640}, nil)
}

func (b *tab) theme(name string) {
	b.t.Helper()
	b.eval(`document.documentElement.dataset.theme = "` + name + `"`)
}

// picture saves what the page looks like when RAMAL_SCREENS names a directory.
func (b *tab) picture(name string) {
	b.t.Helper()
	dir := os.Getenv("RAMAL_SCREENS")
	if dir == "" {
		return
	}
	var r struct{ Data string }
	b.call("Page.captureScreenshot", map[string]any{"format": "png", "captureBeyondViewport": true}, &r)
	png, err := base64.StdEncoding.DecodeString(r.Data)
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644); err != nil {
		b.t.Fatal(err)
	}
}
