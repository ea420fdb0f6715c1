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
// reserved ahead. When the database is away for longer than the block lasts, numbers go on above a mark that no
// block reaches, so that an interaction always has a number of its own.
type protocols struct {
	source Protocols
	org    call.OrgID
	zone   *time.Location
	logger *slog.Logger

	mu      sync.Mutex
	blocks  map[string]block // by day
	pending map[string]bool
	spare   map[string]int
}

type block struct{ next, end int }

const (
	protocolBlock   = 500
	protocolRefill  = 200
	protocolOffline = 900_000 // first sequence number of the day that is given without a block
)

func newProtocols(source Protocols, org call.OrgID, zone *time.Location, logger *slog.Logger) *protocols {
	return &protocols{source: source, org: org, zone: zone, logger: logger, blocks: map[string]block{},
		pending: map[string]bool{}, spare: map[string]int{}}
}

// next returns a protocol number for an interaction that begins now: the day in the organisation's zone and a
// sequence of at least six digits.
func (p *protocols) next(ctx context.Context, now time.Time) string {
	day := now.In(p.zone).Format("20060102")
	p.mu.Lock()
	defer p.mu.Unlock()
	b := p.blocks[day]
	n := b.next
	if n < b.end {
		b.next++
		p.blocks[day] = b
	} else {
		n = protocolOffline + p.spare[day]
		p.spare[day]++
	}
	if b.end-b.next < protocolRefill {
		p.refill(ctx, day)
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
	p.blocks[day] = block{first, first + protocolBlock}
	return nil
}

// refill asks for another block in the background; p.mu is held.
func (p *protocols) refill(ctx context.Context, day string) {
	if p.pending[day] {
		return
	}
	p.pending[day] = true
	go func() {
		ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		first, err := p.source.ReserveProtocols(ctx, p.org, day, protocolBlock)
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.pending, day)
		if err != nil {
			p.logger.Warn("protocol numbers could not be reserved", "day", day, "err", err)
			return
		}
		if b := p.blocks[day]; b.next >= b.end || first == b.end {
			if b.next < b.end {
				first = b.next
			}
			p.blocks[day] = block{first, first + protocolBlock}
			if b.next < b.end {
				p.blocks[day] = block{b.next, b.end + protocolBlock}
			}
		}
		for d := range p.blocks { //arch:order-free forgets days long past
			if d < day && len(p.blocks) > 3 {
				delete(p.blocks, d)
				delete(p.spare, d)
			}
		}
	}()
}
