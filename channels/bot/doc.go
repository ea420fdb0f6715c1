// Package bot will let a program speak in a conversation before, beside or instead of a person, and hand over to a
// queue.
//
// Nothing is here yet. A bot that does not answer in time will never keep a customer from a person.
package bot
