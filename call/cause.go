package call

// Cause says why a leg ended, by the name that FreeSWITCH gives to the cause values of ITU-T Q.850.
type Cause string

// The causes that the core itself uses or tells apart. A switch may report any other.
const (
	NormalClearing         Cause = "NORMAL_CLEARING"
	UnallocatedNumber      Cause = "UNALLOCATED_NUMBER"
	NoRouteDestination     Cause = "NO_ROUTE_DESTINATION"
	UserBusy               Cause = "USER_BUSY"
	NoUserResponse         Cause = "NO_USER_RESPONSE"
	NoAnswer               Cause = "NO_ANSWER"
	SubscriberAbsent       Cause = "SUBSCRIBER_ABSENT"
	CallRejected           Cause = "CALL_REJECTED"
	DestinationOutOfOrder  Cause = "DESTINATION_OUT_OF_ORDER"
	NormalTemporaryFailure Cause = "NORMAL_TEMPORARY_FAILURE"
	SwitchCongestion       Cause = "SWITCH_CONGESTION"
	RecoveryOnTimerExpire  Cause = "RECOVERY_ON_TIMER_EXPIRE"
	OriginatorCancel       Cause = "ORIGINATOR_CANCEL"
	LoseRace               Cause = "LOSE_RACE"
	AllottedTimeout        Cause = "ALLOTTED_TIMEOUT"
	UserNotRegistered      Cause = "USER_NOT_REGISTERED"
	ManagerRequest         Cause = "MANAGER_REQUEST"
	SwitchLost             Cause = "X_SWITCH_LOST" // ours: the switch no longer knows the leg and never said why
)

// q850 gives the number of each cause, after ITU-T Q.850 table 1; values above 127 are FreeSWITCH's own.
var q850 = map[Cause]int{
	UnallocatedNumber: 1, NoRouteDestination: 3, NormalClearing: 16, UserBusy: 17, NoUserResponse: 18, NoAnswer: 19,
	SubscriberAbsent: 20, CallRejected: 21, DestinationOutOfOrder: 27, NormalTemporaryFailure: 41,
	SwitchCongestion: 42, RecoveryOnTimerExpire: 102, OriginatorCancel: 487, LoseRace: 502, ManagerRequest: 503,
	AllottedTimeout: 602, UserNotRegistered: 606,
}

// Q850 returns the cause's number, 0 for one that is not in the table.
func (c Cause) Q850() int { return q850[c] }

// Valid says whether c has the form of a cause's name: capitals, digits and underscores, at most 40. Only such a
// word may enter a command to the switch.
func (c Cause) Valid() bool {
	if len(c) == 0 || len(c) > 40 {
		return false
	}
	for i := 0; i < len(c); i++ {
		if b := c[i]; !(b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || b == '_') {
			return false
		}
	}
	return true
}
