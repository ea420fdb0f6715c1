// Package directory will hold who and what an organisation has: users, roles, contacts, block lists, calendars; their
// types and their validation (CPF, CNPJ, telephone numbers, opening hours).
//
// Nothing is here yet. It will be used by the other pure packages, by store and by api. It will never load or
// save: that is store's work.
package directory
