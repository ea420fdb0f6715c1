package conformance

import (
	"context"
	"testing"
	"time"

	"ramal/store"
)

// smoke is the smallest scenario: a caller is answered by the demonstration's flow and hears something.
func smoke(t *testing.T, site *Site) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	caller, err := site.Call(ctx, Caller{Number: string(store.DemoNumber)})
	if err != nil {
		t.Fatal(err)
	}
	closePhone(t, caller)
	if err := caller.WaitLog(ctx, "answered"); err != nil {
		t.Fatal(err)
	}
	if err := caller.RTP.Wait(ctx, func(h *Heard) bool { _, ok := h.EndOf(time.Time{}); return ok }); err != nil {
		t.Fatal(err)
	}
	if err := caller.HangUp(ctx); err != nil {
		t.Fatal(err)
	}
}

func TestASiteAnswersACall(t *testing.T) { OnSoftswitch(t, smoke) }

func TestASiteAnswersACall_OnFreeSWITCH(t *testing.T) { OnFreeSWITCH(t, smoke) }
