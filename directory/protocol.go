package directory

import (
	"fmt"
	"time"
)

// FormatProtocol is the number under which a customer may ask for an interaction: the day in the organisation's zone
// as YYYYMMDD and the n-th interaction of that day, at least six digits (specification, Annex A).
func FormatProtocol(day string, n int) string { return fmt.Sprintf("%s%06d", day, n) }

// ProtocolDay is the day of a protocol number: t's date in the organisation's zone.
func ProtocolDay(t time.Time, zone *time.Location) string { return t.In(zone).Format("20060102") }

// ValidProtocolDay says whether s is a date in the form YYYYMMDD.
func ValidProtocolDay(s string) bool {
	_, err := time.Parse("20060102", s)
	return err == nil && len(s) == 8
}
