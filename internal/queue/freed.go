package queue

import (
	"context"
	"time"
)

// endings is the channel on which workers tell that they have ended something.
const endings = "narrative:endings"

// endingsEvery is how often a server tells so at most.
const endingsEvery = 20 * time.Millisecond

// announce tells whoever listens that a slot of this server is free, until ctx
// ends. It may be lost: who waits for a slot looks now and then as well.
func (s *Server) announce(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.freed:
		}
		call, cancel := context.WithTimeout(ctx, s.timeout)
		err := s.redis.Publish(call, endings, s.pool).Err()
		cancel()
		if err != nil && ctx.Err() == nil {
			s.logger.DebugContext(ctx, "end not announced", "error", err)
		}
		pause := time.NewTimer(endingsEvery)
		select {
		case <-ctx.Done():
		case <-pause.C:
		}
		pause.Stop()
	}
}

// ended lets announce tell.
func (s *Server) ended() {
	select {
	case s.freed <- struct{}{}:
	default: // it is about to
	}
}

// Freed returns a channel on which something comes after a worker of any pool
// has ended something, until ctx ends; several ends may come as one, and some
// not at all.
func (c *Client) Freed(ctx context.Context) <-chan struct{} {
	freed := make(chan struct{}, 1)
	go func() {
		sub := c.redis.Subscribe(ctx, endings)
		defer func() { _ = sub.Close() }() // nobody hears it any more
		messages := sub.Channel()
		for {
			select {
			case <-ctx.Done():
				return
			case _, open := <-messages:
				if !open {
					return
				}
			}
			select {
			case freed <- struct{}{}:
			default: // the last one was not heard yet
			}
		}
	}()
	return freed
}
