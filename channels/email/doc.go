// Package email will turn a mailbox into interactions: IMAP or POP3 in, SMTP out, threads, attachments and safe HTML.
//
// Nothing is here yet. It will never show a message's HTML unsanitised.
package email
