package main

import (
	"context"
	"fmt"
	"net/http"
	"os"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"ramal/acd"
	"ramal/api"
	"ramal/call"
	"ramal/control"
	"ramal/directory"
)

// handler makes the page and the API.
func (s *centre) handler(ctx context.Context) (http.Handler, error) {
	root, err := os.OpenRoot(s.places.recordings())
	if err != nil {
		return nil, fmt.Errorf("recordings directory: %w", err)
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		figures{s})
	return api.New(api.Config{Accounts: s.db, Records: s.db, Settings: s.db, Centre: apiCentre{s.control},
		Recordings: root.FS(), Ready: s.probes(), Metrics: registry, Log: s.logger, Base: ctx, TLS: s.cmd.TLSCert != ""})
}

// probes are what must work for the centre to be ready; each error is for an operator.
func (s *centre) probes() []api.Probe {
	return []api.Probe{
		{Name: "database", Check: s.db.Ping},
		{Name: "switch", Check: func(context.Context) error {
			if !s.control.Health().LinkUp {
				return fmt.Errorf("no link to the switch at %s", s.sw.ESL)
			}
			return nil
		}},
		{Name: "journal", Check: func(context.Context) error {
			switch h := s.control.Health(); {
			case h.JournalLost > 0:
				return fmt.Errorf("%d facts were lost since the start: the journal was full", h.JournalLost)
			case h.JournalError != "":
				return fmt.Errorf("%d facts wait to be stored: %s", h.JournalWaiting, h.JournalError)
			}
			return nil
		}},
	}
}

// apiCentre lets the API see and steer the running centre.
type apiCentre struct{ c *control.Centre }

// Live implements api.Centre.
func (a apiCentre) Live(org call.OrgID) (api.LiveView, error) {
	v, err := a.c.Live(org)
	return api.LiveView{Seq: v.Seq, At: v.At, Agents: v.Agents, Calls: apiCalls(v.Calls)}, err
}

// Subscribe implements api.Centre.
func (a apiCentre) Subscribe(org call.OrgID) (<-chan api.Update, func(), error) {
	from, cancel, err := a.c.Subscribe(org)
	if err != nil {
		return nil, nil, err
	}
	to := make(chan api.Update, 1)
	stopped := make(chan struct{})
	go func() {
		defer close(to)
		for u := range from {
			select {
			case to <- api.Update{Seq: u.Seq, At: u.At, Agents: u.Agents, Calls: apiCalls(u.Calls)}:
			case <-stopped:
				return
			}
		}
	}()
	return to, func() { close(stopped); cancel() }, nil
}

// SetAgentState implements api.Centre.
func (a apiCentre) SetAgentState(ctx context.Context, org call.OrgID, agent call.AgentID, want acd.State, reason string,
	_ directory.UserID) error {
	return a.c.SetAgentState(ctx, org, acd.Want{Agent: agent, State: want, Break: reason})
}

func apiCalls(calls []control.LiveCall) []api.LiveCall {
	out := make([]api.LiveCall, 0, len(calls))
	for _, c := range calls {
		out = append(out, api.LiveCall(c))
	}
	return out
}

// figures gives Prometheus what the centre counts.
type figures struct{ s *centre }

func figure(name, help string) *prometheus.Desc {
	return prometheus.NewDesc("ramal_"+name, help, nil, nil)
}

// What is measured, in the order of figures.Collect.
var (
	figCalls    = figure("calls", "Calls that have an owner now.")
	figOffered  = figure("calls_offered_total", "Calls that arrived.")
	figRefused  = figure("calls_refused_total", "Calls to numbers without a flow.")
	figLost     = figure("legs_lost_total", "Legs that the switch no longer knew.")
	figOwner    = figure("owner_overflows_total", "Events dropped because a call's inbox was full.")
	figQueue    = figure("queue_overflows_total", "Inputs offered again because the queue engine's inbox was full.")
	figStored   = figure("journal_stored_total", "Facts stored.")
	figWaiting  = figure("journal_waiting", "Facts not stored yet.")
	figUnstored = figure("journal_lost_total", "Facts lost because the journal was full.")
	figLink     = figure("switch_link_up", "1 while the switch is connected.")
	figEvents   = figure("switch_events_total", "Events of the switch that arrived.")
	figLag      = figure("switch_event_lag_seconds", "Age of the last event when it was handled.")
	figDenied   = figure("switch_commands_refused_total", "Commands that the switch or the builder refused.")
)

// Describe implements prometheus.Collector.
func (f figures) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(f, ch) }

// Collect implements prometheus.Collector.
func (f figures) Collect(ch chan<- prometheus.Metric) {
	count := func(d *prometheus.Desc, v float64) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v)
	}
	gauge := func(d *prometheus.Desc, v float64) { ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v) }
	h, l := f.s.control.Health(), f.s.link.Stats()
	gauge(figCalls, float64(h.Calls))
	count(figOffered, float64(h.Offered))
	count(figRefused, float64(h.Refused))
	count(figLost, float64(h.LegsLost))
	count(figOwner, float64(h.OwnerOverflows))
	count(figQueue, float64(h.QueueOverflows))
	count(figStored, float64(h.JournalStored))
	gauge(figWaiting, float64(h.JournalWaiting))
	count(figUnstored, float64(h.JournalLost))
	up := 0.0
	if h.LinkUp {
		up = 1
	}
	gauge(figLink, up)
	count(figEvents, float64(l.Received))
	gauge(figLag, l.Lag.Seconds())
	count(figDenied, float64(l.Refused))
}
