package checkclean

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"os"
	"path/filepath"
	"time"
)

// called is what `ramal try --json` says of the call it placed.
type called struct {
	OK          bool     `json:"ok"`
	Interaction string   `json:"interaction"`
	Problems    []string `json:"problems"`
}

// try places a call with sound.
func (c *clone) try(ctx context.Context) (called, error) {
	out, err := c.run(ctx, "bin/ramal", "try", "--json")
	if err != nil {
		return called{}, err
	}
	var r called
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		return r, fmt.Errorf("read what try says: %w\n%s", err, out)
	}
	if !r.OK || r.Interaction == "" {
		return r, fmt.Errorf("try: ok %v, interaction %q, problems %q", r.OK, r.Interaction, r.Problems)
	}
	return r, nil
}

// recorded asks the API of the running centre for an interaction, as each account of the demonstration in turn: nil
// when one of them sees it.
func (c *clone) recorded(ctx context.Context, interaction string) error {
	var serve struct {
		HTTP string `json:"http"`
	}
	if err := c.readJSON("var/run/serve.json", &serve); err != nil {
		return err
	}
	var secrets struct {
		Passwords map[string]string `json:"passwords"`
	}
	if err := c.readJSON("var/secrets.json", &secrets); err != nil {
		return err
	}
	err := fmt.Errorf("the demonstration has no account")
	for email, password := range secrets.Passwords {
		if err = lookUp(ctx, serve.HTTP, email, password, interaction); err == nil {
			return nil
		}
	}
	return err
}

func (c *clone) readJSON(name string, into any) error {
	text, err := os.ReadFile(filepath.Join(c.dir, name))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	return nil
}

func lookUp(ctx context.Context, base, email, password, interaction string) error {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return err
	}
	client := &http.Client{Jar: jar, Timeout: 10 * time.Second}
	body, err := json.Marshal(map[string]string{"email": email, "password": password})
	if err != nil {
		return err
	}
	if err := ask(ctx, client, http.MethodPost, base+"/api/session", body, nil); err != nil {
		return fmt.Errorf("sign in as %s: %w", email, err)
	}
	var detail json.RawMessage
	if err := ask(ctx, client, http.MethodGet, base+"/api/interactions/"+interaction, nil, &detail); err != nil {
		return fmt.Errorf("look for interaction %s as %s: %w", interaction, email, err)
	}
	if !bytes.Contains(detail, []byte(interaction)) {
		return fmt.Errorf("look for interaction %s as %s: the answer is about something else: %s", interaction, email, detail)
	}
	return nil
}

func ask(ctx context.Context, client *http.Client, method, url string, body []byte, into any) error {
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode/100 != 2 {
		return fmt.Errorf("%s %s: %s", method, url, res.Status)
	}
	if into == nil {
		return nil
	}
	return json.NewDecoder(res.Body).Decode(into)
}
