package directory

import "ramal/call"

// System is the actor of what the program does by itself.
const System = "system"

// Scope is on whose behalf data is touched: one organisation, and the actor whom the audit log names. Package store
// opens no transaction of an organisation without one. The zero value is no scope: it is refused.
type Scope struct {
	org   call.OrgID
	actor string
}

// NewScope makes a scope. The actor is a user's ID, or [System].
func NewScope(org call.OrgID, actor string) (Scope, error) {
	if !call.ValidUUID(string(org)) {
		return Scope{}, call.Errorf(call.Invalid, "scope: %q is no organisation", org)
	}
	if actor != System && !call.ValidUUID(actor) {
		return Scope{}, call.Errorf(call.Invalid, "scope: %q is no actor", actor)
	}
	return Scope{org: org, actor: actor}, nil
}

// Org is the organisation.
func (s Scope) Org() call.OrgID { return s.org }

// Actor is who acts: a user's ID or [System].
func (s Scope) Actor() string { return s.actor }

// Valid says whether the scope names an organisation and an actor.
func (s Scope) Valid() bool { return s.org != "" && s.actor != "" }
