package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"time"

	"ramal/store"
)

// apiClient is a signed-in user of the centre's own API.
type apiClient struct {
	base string
	http *http.Client
}

func signIn(ctx context.Context, base, email, password string) (*apiClient, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	c := &apiClient{base, localClient()}
	c.http.Jar = jar
	if err := c.post(ctx, "/api/session", map[string]string{"email": email, "password": password}); err != nil {
		return nil, fmt.Errorf("sign in as %s: %w", email, err)
	}
	return c, nil
}

func (c *apiClient) post(ctx context.Context, path string, body any) error {
	data, err := json.Marshal(body)
	if err != nil {
		return err
	}
	return c.do(ctx, http.MethodPost, path, data, nil)
}

func (c *apiClient) get(ctx context.Context, path string, into any) error {
	return c.do(ctx, http.MethodGet, path, nil, into)
}

func (c *apiClient) do(ctx context.Context, method, path string, body []byte, into any) error {
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept-Language", "en")
	res, err := c.http.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	data, err := io.ReadAll(io.LimitReader(res.Body, 4<<20))
	if err != nil {
		return err
	}
	if res.StatusCode >= 300 {
		var problem struct{ Title string }
		if json.Unmarshal(data, &problem) == nil && problem.Title != "" {
			return fmt.Errorf("%s %s: %s", method, path, problem.Title)
		}
		return fmt.Errorf("%s %s: %s", method, path, res.Status)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(data, into)
}

// interactionList and interactionDetail are the parts of the API's answers that try prints.
type interactionRow struct {
	ID, Protocol, Phase, Caller, Dialled, Outcome string
	Ended                                         *time.Time
	HasRecording                                  bool `json:"has_recording"`
}

type interactionDetail struct {
	Interaction interactionRow
	Timeline    []struct {
		At                                  time.Time
		Kind, Node, Digit, Label, Cause, By string
		Outcome                             string
		QueueName                           string `json:"queue_name"`
		AgentName                           string `json:"agent_name"`
	}
}

// record waits until the call is in the record as ended and prints its timeline, second by second.
func (t *trial) record(ctx context.Context, agent *apiClient) error {
	api, err := signIn(ctx, t.state.HTTP, "admin@demo.ramal.local", t.secrets.Passwords["admin@demo.ramal.local"])
	if err != nil {
		return err
	}
	detail, err := t.ended(ctx, api)
	if err != nil {
		return err
	}
	i := detail.Interaction
	t.report.Interaction, t.report.Protocol = i.ID, i.Protocol
	t.say("\nProtocol %s: %s called %s, %s", i.Protocol, i.Caller, i.Dialled, i.Outcome)
	for _, m := range detail.Timeline {
		words := []string{fmt.Sprintf("%-17s", m.Kind)}
		for _, w := range []string{m.QueueName, m.AgentName, m.Node, m.Digit, m.Label, m.Cause, m.Outcome} {
			if w != "" {
				words = append(words, w)
			}
		}
		if m.By != "" {
			words = append(words, "by "+m.By)
		}
		t.say("  %s  %s", m.At.Local().Format("15:04:05.000"), strings.TrimRight(strings.Join(words, " "), " "))
	}
	if i.Outcome != "answered" {
		t.problem("the record says %q, not answered", i.Outcome)
	}
	if !i.HasRecording {
		t.problem("the talk was not recorded")
	}
	return agent.post(ctx, "/api/agents/me/state", map[string]string{"state": "offline"})
}

// ended polls the API for the newest call to our number until its record is complete.
func (t *trial) ended(ctx context.Context, api *apiClient) (interactionDetail, error) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		var rows []interactionRow
		if err := api.get(ctx, "/api/interactions?limit=1", &rows); err != nil {
			return interactionDetail{}, err
		}
		if len(rows) == 1 && rows[0].Phase == "ended" && rows[0].Dialled == string(store.DemoNumber) {
			var d interactionDetail
			if err := api.get(ctx, "/api/interactions/"+rows[0].ID, &d); err != nil {
				return d, err
			}
			for _, m := range d.Timeline {
				if m.Kind == "recording.closed" {
					return d, nil
				}
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return interactionDetail{}, fmt.Errorf("the call does not appear in the record: %w", ctx.Err())
		}
	}
}
