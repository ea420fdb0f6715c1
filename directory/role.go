package directory

import "slices"

// Role names a set of permissions. An organisation begins with those of [DefaultRoles].
type Role string

// The roles that every organisation has, and the one of whoever runs the platform.
const (
	RoleAgent         Role = "agent"
	RoleSupervisor    Role = "supervisor"
	RoleAdministrator Role = "administrator"
	RoleAuditor       Role = "auditor"
	RolePlatform      Role = "platform_operator"
)

// Permission is one thing that a person may do. The strings are stored and never change their meaning.
type Permission string

// The permissions known so far.
const (
	// OwnProfile is what everybody who is signed in may do: see oneself, sign out.
	OwnProfile Permission = "profile.own"
	// TakeCalls: be offered interactions, and set one's own state.
	TakeCalls Permission = "agent.work"
	// ManageAgents: set the state of other agents.
	ManageAgents Permission = "agent.manage"
	// ViewLive: agents, waiting and talking callers, now.
	ViewLive Permission = "live.view"
	// ViewInteractions: records and timelines of all interactions.
	ViewInteractions Permission = "interaction.view"
	// ViewOwnInteractions: records and timelines of those one worked on oneself.
	ViewOwnInteractions Permission = "interaction.view.own"
	// ViewNumbers: callers' numbers and names unmasked.
	ViewNumbers Permission = "caller.view"
	// HearRecordings: listen to and download recordings; each time is audited.
	HearRecordings Permission = "recording.hear"
	// ManageSettings: everything under settings.
	ManageSettings Permission = "settings.manage"
	// ViewAudit: the audit log.
	ViewAudit Permission = "audit.view"
	// ViewMetrics: technical figures of the running program.
	ViewMetrics Permission = "platform.metrics"
	// ManagePlatform: organisations as such.
	ManagePlatform Permission = "platform.manage"
)

// RoleGrant is a role and what it allows.
type RoleGrant struct {
	Role        Role
	Permissions []Permission
}

// DefaultRoles is the table that an organisation begins with. The platform operator belongs to no organisation and
// sees no organisation's interactions.
func DefaultRoles() []RoleGrant {
	return []RoleGrant{
		{RoleAgent, []Permission{OwnProfile, TakeCalls, ViewLive, ViewOwnInteractions}},
		{RoleSupervisor, []Permission{OwnProfile, TakeCalls, ManageAgents, ViewLive, ViewInteractions, ViewNumbers,
			HearRecordings}},
		{RoleAdministrator, []Permission{OwnProfile, ManageAgents, ViewLive, ViewInteractions, ViewNumbers,
			HearRecordings, ManageSettings, ViewAudit}},
		{RoleAuditor, []Permission{OwnProfile, ViewLive, ViewInteractions, ViewAudit}},
		{RolePlatform, []Permission{OwnProfile, ViewMetrics, ManagePlatform}},
	}
}

// AllPermissions lists every permission, in a fixed order.
func AllPermissions() []Permission {
	return []Permission{OwnProfile, TakeCalls, ManageAgents, ViewLive, ViewInteractions, ViewOwnInteractions,
		ViewNumbers, HearRecordings, ManageSettings, ViewAudit, ViewMetrics, ManagePlatform}
}

// Identity is who asks: the user, and what the user's role allows at this moment.
type Identity struct {
	User        User
	Permissions []Permission
}

// May says whether the identity has the permission.
func (i Identity) May(p Permission) bool { return slices.Contains(i.Permissions, p) }

// Scope is the identity's scope: its organisation, and itself as the actor.
func (i Identity) Scope() Scope { return Scope{org: i.User.Org, actor: string(i.User.ID)} }
