package load

import (
	"slices"
	"time"
)

// arrival is one RTP packet as the kernel saw it come.
type arrival struct {
	at       int64 // ns
	stamp    uint32
	sequence uint16
	sound    bool // it carries what the partner's phone said
}

// tolerance is how far from its time a packet may arrive.
const tolerance = 10 * time.Millisecond

// timeliness judges one stream over a window: how many packets were due and how many of them came within the
// tolerance of their time with the partner's sound. A packet's time is its RTP timestamp on an ideal clock of 8
// kHz; the offset between the two clocks is the median of all packets. Packets that are missing were due.
func timeliness(packets []arrival, window time.Duration) (due, good int) {
	due = int(window/(20*time.Millisecond)) - 1 // the window's edges may cut one off
	if len(packets) == 0 {
		return due, 0
	}
	first := packets[0]
	offsets := make([]int64, len(packets))
	for i, p := range packets {
		offsets[i] = p.at - first.at - int64(int32(p.stamp-first.stamp))*125_000
	}
	sorted := slices.Sorted(slices.Values(offsets))
	median := sorted[len(sorted)/2]
	seen := map[uint16]bool{}
	for i, p := range packets {
		if late := offsets[i] - median; p.sound && !seen[p.sequence] && max(late, -late) <= int64(tolerance) {
			seen[p.sequence] = true
			good++
		}
	}
	last := packets[len(packets)-1]
	due = max(due, int(last.sequence-first.sequence)+1)
	return due, min(good, due)
}

// quantile is the q-th part of the values in order (nearest rank).
func quantile(values []time.Duration, q float64) time.Duration {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	rank := int(q*float64(len(sorted))+0.999999) - 1
	return sorted[min(max(rank, 0), len(sorted)-1)]
}
