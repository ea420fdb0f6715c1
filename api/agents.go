package api

import (
	"context"
	"net/http"

	"ramal/acd"
	"ramal/call"
	"ramal/directory"
)

// ListBreakReasons implements GET /api/break-reasons.
func (h handlers) ListBreakReasons(ctx context.Context, _ ListBreakReasonsRequestObject,
) (ListBreakReasonsResponseObject, error) {
	breaks, err := h.api.cfg.Settings.Breaks(ctx, requestIn(ctx).who.User.Org)
	out := ListBreakReasons200JSONResponse{}
	for _, b := range breaks {
		out = append(out, BreakReason{ID: b.ID, Name: b.Name, LimitMinutes: b.Limit})
	}
	return out, err
}

// SetMyState implements POST /api/agents/me/state.
func (h handlers) SetMyState(ctx context.Context, in SetMyStateRequestObject) (SetMyStateResponseObject, error) {
	who := requestIn(ctx).who
	err := h.setState(ctx, who, who.User.Agent(), *in.Body)
	if call.CodeOf(err) == call.NotFound {
		err = problemf(http.StatusConflict, "conflict", textNoExtension)
	}
	return SetMyState204Response{}, err
}

// SetAgentState implements POST /api/agents/{agent}/state. A supervisor's act on somebody else is audited.
func (h handlers) SetAgentState(ctx context.Context, in SetAgentStateRequestObject,
) (SetAgentStateResponseObject, error) {
	who := requestIn(ctx).who
	agent := call.AgentID(in.Agent.String())
	if err := h.setState(ctx, who, agent, *in.Body); err != nil {
		return nil, err
	}
	err := h.api.cfg.Records.Audit(ctx, who.Scope(), directory.AuditEntry{Action: "agent.state_set", ObjectType: "user",
		ObjectID: string(agent), Detail: map[string]string{"state": string(in.Body.State)}})
	return SetAgentState204Response{}, err
}

func (h handlers) setState(ctx context.Context, who directory.Identity, agent call.AgentID, want WantedState) error {
	reason := ""
	if acd.State(want.State) == acd.OnBreak {
		known, err := h.breakReason(ctx, who.User.Org, want.Reason)
		if err != nil {
			return err
		}
		reason = known
	}
	return h.api.cfg.Centre.SetAgentState(ctx, who.User.Org, agent, acd.State(want.State), reason, who.User.ID)
}

// breakReason takes only reasons of the organisation's list, since reports count by them.
func (h handlers) breakReason(ctx context.Context, org call.OrgID, asked *string) (string, error) {
	breaks, err := h.api.cfg.Settings.Breaks(ctx, org)
	if err != nil {
		return "", err
	}
	for _, b := range breaks {
		if asked != nil && b.Name == *asked {
			return b.Name, nil
		}
	}
	return "", problemf(http.StatusBadRequest, "invalid", textBreakReason)
}
