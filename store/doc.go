// Package store is all SQL of Ramal: migrations, and every query on PostgreSQL (15 or newer, through pgx).
//
// It decides how facts and settings are kept: event tables that only grow, state tables derived from them, personal
// values apart, row-level security on every table of an organisation. cmd/ramal opens it ([Open]) and hands it to
// packages control and api, whose ports it satisfies.
//
// It never opens a transaction without saying on whose behalf: an organisation's [Scope], or, where no organisation is
// known yet, a [Purpose] that row-level security binds to the few tables it needs. It never builds SQL from a value,
// and never decides what a caller hears or who may do what.
//
// When the other side fails: an unreachable database is an error with code unavailable; the caller keeps what it
// wanted to write and tries again, which is safe, since everything written by [DB.Append] is idempotent.
package store
