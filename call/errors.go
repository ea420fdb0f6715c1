package call

import (
	"errors"
	"fmt"
)

// Code classifies an error for whoever must react to it; package api maps codes to HTTP statuses in one table.
type Code string

// The codes of all errors that cross a package boundary.
const (
	Invalid     Code = "invalid"     // the request makes no sense as it stands: the asker must change it
	NotFound    Code = "not_found"   // the object does not exist, or not for this asker
	Conflict    Code = "conflict"    // the object's state does not allow it now
	Forbidden   Code = "forbidden"   // the asker may not do it
	Unavailable Code = "unavailable" // something we depend on is away; trying again may help
	Internal    Code = "internal"    // our fault
)

// Error is an error with a class and a sentence for people.
type Error struct {
	Code    Code
	Message string
}

// Error implements error.
func (e *Error) Error() string { return string(e.Code) + ": " + e.Message }

// Errorf makes an Error of the given class.
func Errorf(code Code, format string, args ...any) error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// CodeOf returns the class of the first Error in err's chain, Internal when there is none, and "" for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return Internal
}
