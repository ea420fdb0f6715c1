package api

import (
	"context"
	"sync"
	"time"

	"ramal/acd"
	"ramal/call"
	"ramal/directory"
)

// GetLive implements GET /api/live.
func (h handlers) GetLive(ctx context.Context, _ GetLiveRequestObject) (GetLiveResponseObject, error) {
	who := requestIn(ctx).who
	v, err := h.api.cfg.Centre.Live(who.User.Org)
	if err != nil {
		return nil, err
	}
	agents, calls, _ := h.api.show(ctx, who, v.Agents, v.Calls)
	return GetLive200JSONResponse{Seq: int64(v.Seq), At: v.At, Agents: agents, Calls: calls}, nil
}

// show makes what a viewer may see of agents and calls; gone are the calls among them that have ended.
func (a *API) show(ctx context.Context, who directory.Identity, agents []acd.AgentView, calls []LiveCall,
) (outAgents []Agent, outCalls []Call, gone []string) {
	outAgents, outCalls = []Agent{}, []Call{}
	for _, v := range agents {
		outAgents = append(outAgents, showAgent(v))
	}
	for _, c := range calls {
		if c.Phase == call.PhaseEnded {
			gone = append(gone, string(c.Interaction))
			continue
		}
		outCalls = append(outCalls, a.showCall(ctx, who, c))
	}
	return outAgents, outCalls, gone
}

func showAgent(v acd.AgentView) Agent {
	return Agent{ID: string(v.Agent), Name: v.Name, Extension: v.Extension, State: AgentState(v.State), Since: v.Since,
		Break: some(v.Break), BreakNext: some(v.BreakNext), Phone: AgentPhone(v.Phone),
		Interaction: some(string(v.Interaction)), Queue: some(string(v.Queue)), Deadline: at(v.Deadline), Missed: v.Missed}
}

func (a *API) showCall(ctx context.Context, who directory.Identity, c LiveCall) Call {
	number, name := showCaller(c.From, who)
	names := a.names.of(ctx, who.User.Org, c.Queue, c.Agent)
	out := Call{ID: string(c.Interaction), Protocol: c.Protocol, Phase: CallPhase(c.Phase), Since: c.Since,
		Started: c.Started, Queued: at(c.Queued), Talking: at(c.Talking), Caller: number, CallerName: some(name),
		Dialled: string(c.To), Queue: some(string(c.Queue)), QueueName: some(names.queues[c.Queue]),
		Agent: some(string(c.Agent)), AgentName: some(names.agents[c.Agent]), Missed: c.Missed, Path: []Choice{}}
	if c.Priority != 0 {
		out.Priority = &c.Priority
	}
	for _, l := range c.Path {
		out.Path = append(out.Path, Choice{Digit: string(l.Digit), Label: l.Label})
	}
	return out
}

// names keeps what queues and agents are called, so that a frame needs no query.
type names struct {
	api *API
	mu  sync.Mutex
	org map[call.OrgID]orgNames
}

type orgNames struct {
	queues map[call.QueueID]string
	agents map[call.AgentID]string
	read   time.Time
}

// Names are read again after a minute, or when one is missing, but not more often than every second.
const (
	namesLife  = time.Minute
	namesPause = time.Second
)

// of returns the organisation's names. When they cannot be read, a call is shown without them rather than not at all.
func (n *names) of(ctx context.Context, org call.OrgID, queue call.QueueID, agent call.AgentID) orgNames {
	now := n.api.cfg.Now()
	n.mu.Lock()
	known := n.org[org]
	_, q := known.queues[queue]
	_, g := known.agents[agent]
	age := now.Sub(known.read)
	fresh := age < namesPause || age < namesLife && (q || queue == "") && (g || agent == "")
	if !fresh {
		known.read = now
		n.org[org] = known // others do not read at the same time
	}
	n.mu.Unlock()
	if fresh {
		return known
	}
	read, err := n.read(ctx, org, now)
	if err != nil {
		n.api.cfg.Log.WarnContext(ctx, "names of queues and agents not read", "org", org, "error", err)
		return known
	}
	n.mu.Lock()
	n.org[org] = read
	n.mu.Unlock()
	return read
}

func (n *names) read(ctx context.Context, org call.OrgID, now time.Time) (orgNames, error) {
	out := orgNames{queues: map[call.QueueID]string{}, agents: map[call.AgentID]string{}, read: now}
	queues, err := n.api.cfg.Settings.Queues(ctx, org)
	if err != nil {
		return out, err
	}
	agents, err := n.api.cfg.Settings.Agents(ctx, org)
	if err != nil {
		return out, err
	}
	for _, q := range queues {
		out.queues[q.ID] = q.Name
	}
	for _, a := range agents {
		out.agents[a.ID] = a.Name
	}
	return out, nil
}
