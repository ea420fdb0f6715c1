// Package notify will send what leaves Ramal without being part of a conversation: mails (first access, recovery of a
// password) and signed webhooks with retries.
//
// Nothing is here yet. It will never stand on the path of a call: its work comes from the job queue.
package notify
