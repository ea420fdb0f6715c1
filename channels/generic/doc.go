// Package generic will be the open door for media that Ramal does not know: messages in and out over a signed
// HTTP interface.
//
// Nothing is here yet. It will never call an address of the local network on behalf of a customer.
package generic
