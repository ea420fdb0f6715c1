// Package whatsapp will send and receive messages by Meta's business API: signed webhooks in, messages, templates
// and media out, the 24-hour window.
//
// Nothing is here yet. It will never acknowledge a webhook before the message is stored.
package whatsapp
