package control

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"ramal/call"
)

// protocols hands out the protocol numbers of one organisation without waiting for the database: blocks are
// reserved ahead. When the database is away for longer than a block lasts, numbers are made from the time of day
// instead, above all that blocks can reach, so that an interaction always has a number of its own.
type protocols struct {
	source Protocols
	org    call.OrgID
	zone   *time.Location
	logger *slog.Logger
	async  func(func()) // runs something elsewhere; who stops the centre waits for it

	mu      sync.Mutex
	day     string
	blocks  []block // of day
	pending bool
	offline int // last number made without a block
}

type block struct{ next, end int }

const (
	protocolBlock   = 500
	protocolRefill  = 200
	protocolOffline = 100_000_000 // plus the millisecond of the day: nine digits, where blocks have six
)

func newProtocols(source Protocols, org call.OrgID, zone *time.Location, logger *slog.Logger,
	async func(func())) *protocols {
	return &protocols{source: source, org: org, zone: zone, logger: logger, async: async}
}

// next returns a protocol number for an interaction that begins now: the day in the organisation's zone and a
// sequence of at least six digits.
func (p *protocols) next(ctx context.Context, now time.Time) string {
	local := now.In(p.zone)
	day := local.Format("20060102")
	p.mu.Lock()
	defer p.mu.Unlock()
	if day != p.day {
		p.day, p.blocks, p.offline = day, nil, 0
	}
	n, left := 0, 0
	for len(p.blocks) > 0 && p.blocks[0].next == p.blocks[0].end {
		p.blocks = p.blocks[1:]
	}
	if len(p.blocks) > 0 {
		n = p.blocks[0].next
		p.blocks[0].next++
		for _, b := range p.blocks {
			left += b.end - b.next
		}
	} else {
		midnight := time.Date(local.Year(), local.Month(), local.Day(), 0, 0, 0, 0, p.zone)
		n = max(protocolOffline+int(local.Sub(midnight).Milliseconds()), p.offline+1)
		p.offline = n
	}
	if left < protocolRefill && !p.pending {
		p.pending = true
		p.async(func() { p.refill(ctx, day) })
	}
	return fmt.Sprintf("%s%06d", day, n)
}

// prepare reserves the first block of a day and waits for it.
func (p *protocols) prepare(ctx context.Context, now time.Time) error {
	day := now.In(p.zone).Format("20060102")
	first, err := p.source.ReserveProtocols(ctx, p.org, day, protocolBlock)
	if err != nil {
		return fmt.Errorf("reserve protocol numbers of %s: %w", day, err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.day, p.blocks = day, []block{{first, first + protocolBlock}}
	return nil
}

// refill reserves another block, away from the callers of next.
func (p *protocols) refill(ctx context.Context, day string) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	first, err := p.source.ReserveProtocols(ctx, p.org, day, protocolBlock)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pending = false
	if err != nil {
		p.logger.Warn("protocol numbers could not be reserved", "day", day, "err", err)
		return
	}
	if day == p.day {
		p.blocks = append(p.blocks, block{first, first + protocolBlock})
	}
}
