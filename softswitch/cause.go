package softswitch

import (
	"fmt"
	"strconv"
	"strings"
)

// cause is a hang-up cause by its ITU-T Q.850 number; values above 127 are FreeSWITCH's own (switch_types.h).
type cause int

const (
	causeNone                   cause = 0
	causeNoRouteDestination     cause = 3
	causeNormalClearing         cause = 16
	causeUserBusy               cause = 17
	causeNoAnswer               cause = 19
	causeSubscriberAbsent       cause = 20
	causeCallRejected           cause = 21
	causeExchangeRoutingError   cause = 25
	causeDestinationOutOfOrder  cause = 27
	causeNormalUnspecified      cause = 31
	causeNormalTemporaryFailure cause = 41
	causeRequestedChanUnavail   cause = 44
	causeChanNotImplemented     cause = 66
	causeIncompatible           cause = 88
	causeRecoveryOnTimerExpire  cause = 102
	causeOriginatorCancel       cause = 487
	causeSystemShutdown         cause = 501
	causeLoseRace               cause = 502
	causeBlindTransfer          cause = 600
	causeAllottedTimeout        cause = 602
	causeMediaTimeout           cause = 604
	causeUserNotRegistered      cause = 606
	causeInvalidGateway         cause = 608
	causeInvalidProfile         cause = 611
)

// causeNames are the names FreeSWITCH prints (Q.850 table 1 and switch_types.h).
var causeNames = map[cause]string{
	0: "NONE", 1: "UNALLOCATED_NUMBER", 2: "NO_ROUTE_TRANSIT_NET", 3: "NO_ROUTE_DESTINATION", 6: "CHANNEL_UNACCEPTABLE",
	7: "CALL_AWARDED_DELIVERED", 16: "NORMAL_CLEARING", 17: "USER_BUSY", 18: "NO_USER_RESPONSE", 19: "NO_ANSWER",
	20: "SUBSCRIBER_ABSENT", 21: "CALL_REJECTED", 22: "NUMBER_CHANGED", 23: "REDIRECTION_TO_NEW_DESTINATION",
	25: "EXCHANGE_ROUTING_ERROR", 27: "DESTINATION_OUT_OF_ORDER", 28: "INVALID_NUMBER_FORMAT", 29: "FACILITY_REJECTED",
	30: "RESPONSE_TO_STATUS_ENQUIRY", 31: "NORMAL_UNSPECIFIED", 34: "NORMAL_CIRCUIT_CONGESTION",
	38: "NETWORK_OUT_OF_ORDER", 41: "NORMAL_TEMPORARY_FAILURE", 42: "SWITCH_CONGESTION", 43: "ACCESS_INFO_DISCARDED",
	44: "REQUESTED_CHAN_UNAVAIL", 45: "PRE_EMPTED", 50: "FACILITY_NOT_SUBSCRIBED", 52: "OUTGOING_CALL_BARRED",
	54: "INCOMING_CALL_BARRED", 57: "BEARERCAPABILITY_NOTAUTH", 58: "BEARERCAPABILITY_NOTAVAIL",
	63: "SERVICE_UNAVAILABLE", 65: "BEARERCAPABILITY_NOTIMPL", 66: "CHAN_NOT_IMPLEMENTED",
	69: "FACILITY_NOT_IMPLEMENTED", 79: "SERVICE_NOT_IMPLEMENTED", 81: "INVALID_CALL_REFERENCE",
	88: "INCOMPATIBLE_DESTINATION", 95: "INVALID_MSG_UNSPECIFIED", 96: "MANDATORY_IE_MISSING",
	97: "MESSAGE_TYPE_NONEXIST", 98: "WRONG_MESSAGE", 99: "IE_NONEXIST", 100: "INVALID_IE_CONTENTS",
	101: "WRONG_CALL_STATE", 102: "RECOVERY_ON_TIMER_EXPIRE", 103: "MANDATORY_IE_LENGTH_ERROR", 111: "PROTOCOL_ERROR",
	127: "INTERWORKING", 142: "SUCCESS", 487: "ORIGINATOR_CANCEL", 500: "CRASH", 501: "SYSTEM_SHUTDOWN",
	502: "LOSE_RACE", 503: "MANAGER_REQUEST", 600: "BLIND_TRANSFER", 601: "ATTENDED_TRANSFER", 602: "ALLOTTED_TIMEOUT",
	603: "USER_CHALLENGE", 604: "MEDIA_TIMEOUT", 605: "PICKED_OFF", 606: "USER_NOT_REGISTERED", 607: "PROGRESS_TIMEOUT",
	608: "INVALID_GATEWAY", 609: "GATEWAY_DOWN", 610: "INVALID_URL", 611: "INVALID_PROFILE", 612: "NO_PICKUP",
	613: "SRTP_READ_ERROR", 614: "BOWOUT", 615: "BUSY_EVERYWHERE", 616: "DECLINE", 617: "DOES_NOT_EXIST_ANYWHERE",
	618: "NOT_ACCEPTABLE", 619: "UNWANTED", 620: "NO_IDENTITY", 621: "BAD_IDENTITY_INFO",
	622: "UNSUPPORTED_CERTIFICATE", 623: "INVALID_IDENTITY", 624: "STALE_DATE", 625: "REJECT_ALL",
}

var causeByName = func() map[string]cause {
	m := make(map[string]cause, len(causeNames))
	for number, name := range causeNames {
		m[name] = number
	}
	return m
}()

// String is the name FreeSWITCH prints; an unknown number is UNKNOWN.
func (c cause) String() string {
	if name, ok := causeNames[c]; ok {
		return name
	}
	return "UNKNOWN"
}

// q850 is the value of hangup_cause_q850: causes of FreeSWITCH's own count as normal clearing (recording 06).
func (c cause) q850() int {
	if c > 127 {
		return int(causeNormalClearing)
	}
	return int(c)
}

// parseCause reads a name or a number; anything else is NORMAL_CLEARING, as switch_channel_str2cause does.
func parseCause(s string) cause {
	if n, err := strconv.Atoi(s); err == nil && n > 0 {
		return cause(n)
	}
	if c, ok := causeByName[strings.ToUpper(s)]; ok {
		return c
	}
	return causeNormalClearing
}

// reason is the value of the Reason header (RFC 3326) as mod_sofia writes it.
func (c cause) reason() string {
	switch {
	case c == causeLoseRace:
		return `SIP;cause=200;text="Call completed elsewhere"`
	case c > 0 && c < 128:
		return fmt.Sprintf("Q.850;cause=%d;text=%q", int(c), c.String())
	}
	return fmt.Sprintf("SIP;cause=%d;text=%q", int(c), c.String())
}

// causeFromStatus maps a final SIP status to a cause (RFC 3398 section 7.2.4.1 with FreeSWITCH's choices).
func causeFromStatus(status int) cause {
	switch status {
	case 200:
		return causeNormalClearing
	case 401, 402, 403, 407, 603, 608:
		return causeCallRejected
	case 607:
		return 619
	case 404:
		return 1
	case 485, 604:
		return causeNoRouteDestination
	case 408, 504:
		return causeRecoveryOnTimerExpire
	case 410:
		return 22
	case 413, 414, 416, 420, 421, 423, 505, 513:
		return 127
	case 480:
		return 18
	case 400, 481, 500, 503:
		return causeNormalTemporaryFailure
	case 486, 600:
		return causeUserBusy
	case 484:
		return 28
	case 488, 606:
		return causeIncompatible
	case 502:
		return 38
	case 405:
		return 63
	case 406, 415, 501:
		return 79
	case 482, 483:
		return causeExchangeRoutingError
	case 487:
		return causeOriginatorCancel
	}
	return causeNormalUnspecified
}

// status is the final SIP status that refuses an unanswered call with this cause (RFC 3398 section 7.2.6.1 with
// FreeSWITCH's choices).
func (c cause) status() (int, string) {
	switch c {
	case 1, 2, causeNoRouteDestination:
		return 404, "Not Found"
	case causeUserBusy:
		return 486, "Busy Here"
	case 18:
		return 408, "Request Timeout"
	case causeCallRejected, 616, 625:
		return 603, "Decline"
	case 22, 23:
		return 410, "Gone"
	case causeDestinationOutOfOrder, causeInvalidProfile:
		return 502, "Bad Gateway"
	case 28, 610, causeInvalidGateway:
		return 484, "Address Incomplete"
	case 29, 69, 79:
		return 501, "Not Implemented"
	case causeRequestedChanUnavail, 34, 38, causeNormalTemporaryFailure, 42, 609, 58:
		return 503, "Service Unavailable"
	case 52, 54, 57:
		return 403, "Forbidden"
	case 65, causeIncompatible:
		return 488, "Not Acceptable Here"
	case causeRecoveryOnTimerExpire:
		return 504, "Gateway Time-out"
	case causeOriginatorCancel:
		return 487, "Request Terminated"
	case causeExchangeRoutingError:
		return 483, "Too Many Hops"
	case 615:
		return 600, "Busy Everywhere"
	case 617:
		return 604, "Does Not Exist Anywhere"
	case 618:
		return 606, "Not Acceptable"
	case 619:
		return 607, "Unwanted"
	}
	return 480, "Temporarily Unavailable"
}

// causeFromReason reads the cause a peer gave in the Reason header of its BYE or CANCEL; false without a usable one.
func causeFromReason(reason string) (cause, bool) {
	protocol, params, ok := strings.Cut(reason, ";")
	if !ok {
		return causeNone, false
	}
	value := ""
	for _, param := range strings.Split(params, ";") {
		if k, v, found := strings.Cut(strings.TrimSpace(param), "="); found && strings.EqualFold(k, "cause") {
			value = strings.Trim(v, `" `)
		}
	}
	n, err := strconv.Atoi(value)
	if err != nil || n <= 0 {
		return causeNone, false
	}
	switch protocol = strings.TrimSpace(protocol); {
	case strings.EqualFold(protocol, "Q.850"), strings.EqualFold(protocol, "FreeSWITCH"):
		if _, known := causeNames[cause(n)]; known {
			return cause(n), true
		}
	}
	return causeNone, false
}
