package api_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"ramal/acd"
	"ramal/api"
	"ramal/call"
	"ramal/directory"
)

// play puts a busy moment on the centre's stage.
func (s *server) play(seq uint64) api.LiveView {
	now := s.clock.now()
	ago := func(sec int) time.Time { return now.Add(-time.Duration(sec) * time.Second) }
	user := func(name string) call.AgentID {
		return call.AgentID(s.demo.Users[directory.Email(name+"@demo.ramal.local")])
	}
	sales, support := s.demo.Queues["Vendas"], s.demo.Queues["Suporte"]
	path := []call.Label{{Node: "menu", Digit: "1", Label: "Vendas"}}
	return api.LiveView{Seq: seq, At: now,
		Agents: []acd.AgentView{
			{Agent: user("ana"), Name: "Ana", Extension: "1001", State: acd.Busy, Since: ago(252), Phone: acd.PhoneUp,
				Interaction: "c1", Queue: sales},
			{Agent: user("bruno"), Name: "Bruno", Extension: "1002", State: acd.Available, Since: ago(31), Phone: acd.PhoneUp},
			{Agent: user("carla"), Name: "Carla", Extension: "1003", State: acd.OnBreak, Break: "Lanche", Since: ago(605),
				Phone: acd.PhoneDown},
		},
		Calls: []api.LiveCall{
			{Summary: call.Summary{Interaction: "c1", Phase: call.PhaseTalking, Queue: sales, Agent: user("ana"), Path: path,
				Started: ago(280), Queued: ago(270), Talking: ago(252), Since: ago(252)}, Protocol: "20261122000041",
				From: call.Party{Number: "5548999990001", Name: "Rogério Teles"}, To: "554830000000"},
			{Summary: call.Summary{Interaction: "c2", Phase: call.PhaseWaiting, Queue: support, Missed: 1, Started: ago(60),
				Queued: ago(48), Since: ago(48)}, Protocol: "20261122000042",
				From: call.Party{Number: "551130000002", Name: "<b>Maria</b>"}, To: "554830000000"},
			{Summary: call.Summary{Interaction: "c3", Phase: call.PhaseFlow, Started: ago(4), Since: ago(4)},
				Protocol: "20261122000043", From: call.Party{Number: "5548999990003"}, To: "554830000000"},
		}}
}

func TestAStrangerSignsInAndSeesTheLivePageInABrowser(t *testing.T) {
	b := chromium(t)
	s := serve(t, func(c *api.Config) { c.Stream.Tick = 100 * time.Millisecond })
	s.centre.view = api.LiveView{Seq: 1, At: s.clock.now()}
	b.size(1280, 800)
	b.open(s.URL + "/")
	b.sees("Entrar", "E-mail", "Senha")
	b.picture("sign-in-light")
	b.enter("supervisor@demo.ramal.local", "wrong")
	b.sees("E-mail ou senha não conferem. Confira e tente de novo.")
	b.theme("dark")
	b.picture("sign-in-error-dark")
	b.size(360, 740)
	b.picture("sign-in-error-360-dark")
	b.fits()
	b.theme("light")
	b.size(1280, 800)
	b.enter("supervisor@demo.ramal.local", password)
	b.sees("Ramal Demonstração", "Ligue para 554830000000", "ao vivo", "Nenhuma ligação ainda")
	b.picture("live-empty")

	s.storeCall(t, s.demo.Org, "a.wav")
	view := s.play(2)
	s.centre.mu.Lock()
	s.centre.view = view
	s.centre.mu.Unlock()
	s.centre.send(api.Update{Seq: 5, At: view.At}) // a gap: the page gets the whole
	b.sees("Ana", "Em atendimento", "Lanche", "+55 48 99999-0001 · Rogério Teles", "<b>Maria</b>", "Na URA",
		"ofertas não atendidas: 1", "00:04:1", "Atendida")
	b.picture("live-light")
	b.eval(`document.querySelector("#history .open").click()`)
	b.sees("Ligação recebida em +55 48 3000-0000", "Teclou 1: Vendas", "Conversa com Ana",
		"Ligação encerrada pelo cliente")
	b.theme("dark")
	b.picture("live-timeline-dark")
	for _, theme := range []string{"light", "dark"} {
		b.size(360, 740)
		b.theme(theme)
		b.fits()
		b.picture("live-360-" + theme)
	}
	b.size(1280, 800)
	b.theme("light")

	// A call that ends leaves the live lists and is looked for among the last calls.
	s.centre.send(api.Update{Seq: 6, At: view.At, Calls: []api.LiveCall{{Summary: call.Summary{Interaction: "c1",
		Phase: call.PhaseEnded}}}})
	b.sees("Ninguém em ligação agora")

	b.eval(`document.querySelector("#app [data-act=language]").click()`)
	b.sees("Last calls", "Available", "Nobody is talking now", "Sign out")
	if lang := b.eval("document.documentElement.lang"); lang != "en" {
		t.Errorf("the page's language is %q", lang)
	}
	b.picture("live-en")

	// The server stops: the page says since when its figures are old.
	s.stop()
	s.CloseClientConnections()
	s.Listener.Close()
	b.sees("No connection since", "as of")
	b.picture("live-stale")
	for _, e := range b.errors {
		if strings.Contains(e, "Content Security Policy") || strings.Contains(e, "exceptionThrown") ||
			strings.Contains(e, "TypeError") {
			t.Errorf("console: %s", e)
		}
	}
}

func TestAnAgentChangesTheOwnStateInABrowser(t *testing.T) {
	b := chromium(t)
	s := serve(t, func(c *api.Config) { c.Stream.Tick = 100 * time.Millisecond })
	view := s.play(1)
	view.Calls = nil
	s.centre.view = view
	b.size(360, 740)
	b.open(s.URL + "/")
	b.sees("Entrar")
	b.enter("bruno@demo.ramal.local", password)
	b.sees("Seu estado", "Disponível", "Ramal 1002")
	b.eval(`document.getElementById("go-break").click()`)
	b.sees("NR-17", "Treinamento")
	b.picture("own-break-360")
	b.eval(`[...document.querySelectorAll("#breaks button")].find((x) => x.textContent === "NR-17").click()`)
	b.sees("Mudando…")
	until(t, "the centre to be asked", func() bool {
		s.centre.mu.Lock()
		defer s.centre.mu.Unlock()
		return len(s.centre.asked) == 1
	})
	if a := s.centre.asked[0]; a.Want != acd.OnBreak || a.Reason != "NR-17" ||
		a.Agent != call.AgentID(s.demo.Users["bruno@demo.ramal.local"]) {
		t.Errorf("asked: %+v", a)
	}
	bruno := view.Agents[1]
	bruno.State, bruno.Break, bruno.Since = acd.OnBreak, "NR-17", s.clock.now()
	s.centre.send(api.Update{Seq: 2, At: s.clock.now(), Agents: []acd.AgentView{bruno}})
	until(t, "the new state to be shown", func() bool {
		return b.eval(`document.getElementById("own-pill").textContent`) == "NR-17" &&
			b.eval(`document.getElementById("own-result").textContent`) == ""
	})
	b.fits()
}

// enter fills in the sign-in form and sends it.
func (b *tab) enter(email, password string) {
	b.t.Helper()
	b.eval(fmt.Sprintf(`email.value = %q; password.value = %q; document.getElementById("sign-in-button").click()`,
		email, password))
}

// fits fails when the page is wider than the window.
func (b *tab) fits() {
	b.t.Helper()
	wide := b.eval(`document.documentElement.scrollWidth - window.innerWidth`)
	if wide != "0" && !strings.HasPrefix(wide, "-") {
		b.t.Errorf("the page is %s px wider than the window", wide)
	}
}
