package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"ramal/call"
	"ramal/directory"
)

// ListInteractions implements GET /api/interactions. Without the permission for all, only one's own are listed.
func (h handlers) ListInteractions(ctx context.Context, in ListInteractionsRequestObject,
) (ListInteractionsResponseObject, error) {
	who := requestIn(ctx).who
	var f directory.InteractionFilter
	if in.Params.Limit != nil {
		f.Limit = *in.Params.Limit
	}
	if in.Params.Before != nil {
		f.Before = call.ID(in.Params.Before.String())
	}
	if !who.May(directory.ViewInteractions) {
		f.Agent = who.User.Agent()
	}
	list, err := h.api.cfg.Records.RecentInteractions(ctx, who.Scope(), f)
	out := ListInteractions200JSONResponse{}
	for _, i := range list {
		out = append(out, showInteraction(i, who))
	}
	return out, err
}

// GetInteraction implements GET /api/interactions/{interaction}.
func (h handlers) GetInteraction(ctx context.Context, in GetInteractionRequestObject,
) (GetInteractionResponseObject, error) {
	who := requestIn(ctx).who
	i, timeline, err := h.api.interaction(ctx, who, call.ID(in.Interaction.String()))
	if err != nil {
		return nil, err
	}
	out := GetInteraction200JSONResponse{Interaction: showInteraction(i, who), Timeline: []Moment{}}
	for _, m := range timeline {
		out.Timeline = append(out.Timeline, showMoment(m))
	}
	return out, nil
}

// interaction reads one that the identity may see; another's is not found, as if it did not exist.
func (a *API) interaction(ctx context.Context, who directory.Identity, id call.ID,
) (directory.Interaction, []directory.Moment, error) {
	i, timeline, err := a.cfg.Records.Interaction(ctx, who.Scope(), id)
	if err != nil {
		return i, nil, err
	}
	if !who.May(directory.ViewInteractions) && i.Agent != who.User.Agent() {
		return i, nil, call.Errorf(call.NotFound, "interaction %s is another agent's", id)
	}
	return i, timeline, nil
}

// getRecording implements GET /api/recordings/{interaction}. Every hearing is audited before the first byte leaves;
// the further ranges of one hearing are not.
func (a *API) getRecording(c echo.Context) error {
	ctx, who := c.Request().Context(), requestOf(c).who
	id := call.ID(c.Param("interaction"))
	recs, err := a.cfg.Records.Recordings(ctx, who.Scope(), id)
	if err != nil {
		return err
	}
	if len(recs) == 0 {
		return problemf(http.StatusNotFound, "not_found", textNoRecording)
	}
	rec := recs[len(recs)-1]
	file, err := a.cfg.Recordings.Open(rec.Path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrInvalid) {
		return problemf(http.StatusNotFound, "not_found", textRecordingLost)
	}
	if err != nil {
		return fmt.Errorf("open recording of interaction %s: %w", id, err)
	}
	defer file.Close()
	sound, ok := file.(io.ReadSeeker)
	if !ok {
		return fmt.Errorf("open recording of interaction %s: the file cannot be sought in", id)
	}
	if from := c.Request().Header.Get("Range"); from == "" || from == "bytes=0-" {
		err := a.cfg.Records.Audit(ctx, who.Scope(), directory.AuditEntry{Action: "recording.heard",
			ObjectType: "interaction", ObjectID: string(id)})
		if err != nil {
			return err
		}
	}
	h := c.Response().Header()
	h.Set("Content-Type", "audio/wav")
	h.Set("Content-Disposition", `inline; filename="`+string(id)+`.wav"`)
	h.Set("Cache-Control", "private, no-store")
	http.ServeContent(c.Response(), c.Request(), "", rec.Started, sound)
	return nil
}

func showInteraction(i directory.Interaction, who directory.Identity) Interaction {
	number, name := showCaller(i.Caller, who)
	return Interaction{ID: string(i.Interaction), Protocol: i.Protocol, Media: i.Media, Direction: string(i.Direction),
		Phase: string(i.Phase), Started: i.Started, Answered: at(i.Answered), Queued: at(i.Queued), Talking: at(i.Talking),
		TalkEnded: at(i.TalkEnded), Ended: at(i.Ended), Caller: number, CallerName: some(name),
		Dialled: string(i.Dialled), QueueName: some(i.QueueName), AgentName: some(i.AgentName), Missed: i.Missed,
		EndedBy: some(string(i.EndedBy)), Cause: some(string(i.Cause)), Outcome: some(string(i.Outcome)),
		HasRecording: i.Recording != ""}
}

func showMoment(m directory.Moment) Moment {
	out := Moment{Seq: m.Seq, At: m.At, Kind: string(m.Kind), Node: some(m.Node), Digit: some(string(m.Digit)),
		Label: some(m.Label), QueueName: some(m.QueueName), AgentName: some(m.AgentName), Cause: some(string(m.Cause)),
		By: some(string(m.By)), Outcome: some(string(m.Outcome))}
	if m.Priority != 0 {
		out.Priority = &m.Priority
	}
	return out
}

// showCaller is the one place where a caller's number leaves the program.
func showCaller(p call.Party, who directory.Identity) (number, name string) {
	if who.May(directory.ViewNumbers) {
		return string(p.Number), string(p.Name)
	}
	return directory.MaskNumber(p.Number), ""
}

// at and some leave out what has not come or is not known.
func at(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func some[T ~string](s T) *T {
	if s == "" {
		return nil
	}
	return &s
}
