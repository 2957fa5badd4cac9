package queue

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	joinedAtOnce = 2  // pipelines that are under way
	joinedMost   = 64 // scripts of one
)

// joiner sends the scripts that many callers run at the same moment together.
// What a script costs Redis and its client is mostly the messages, of which a
// pipeline needs two however many scripts it has. A script that is alone goes
// by itself, at once.
type joiner struct {
	redis   *redis.Client // has no hooks
	pipe    func(context.Context, []redis.Cmder) error
	timeout time.Duration // of one pipeline

	mu      sync.Mutex
	waiting []*script
	sending int // pipelines under way
}

// script is one that waits for its reply.
type script struct {
	ctx  context.Context //nolint:containedctx // the caller's, obeyed until the script is sent
	cmd  redis.Cmder
	done chan struct{}
}

var _ redis.Hook = (*joiner)(nil)

// join makes the client join its scripts. It is to be its last hook. The joiner
// is the caller's to close.
func (c Config) join(client *redis.Client) (*joiner, error) {
	o, err := c.redis()
	if err != nil {
		return nil, err
	}
	j := &joiner{redis: redis.NewClient(o), timeout: c.Timeout}
	j.pipe = func(ctx context.Context, cmds []redis.Cmder) error {
		p := j.redis.Pipeline()
		for _, cmd := range cmds {
			if err := p.Process(ctx, cmd); err != nil {
				return err
			}
		}
		_, err := p.Exec(ctx)
		return err
	}
	client.AddHook(j)
	return j, nil
}

func (j *joiner) close() error { return j.redis.Close() }

// DialHook implements redis.Hook.
func (j *joiner) DialHook(next redis.DialHook) redis.DialHook { return next }

// ProcessPipelineHook implements redis.Hook.
func (j *joiner) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// ProcessHook implements redis.Hook.
func (j *joiner) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if cmd.Name() != "evalsha" {
			return next(ctx, cmd)
		}
		s := &script{ctx: ctx, cmd: cmd, done: make(chan struct{})}
		if !j.enter(s) {
			return j.wait(s)
		}
		defer j.leave()
		return next(ctx, cmd)
	}
}

// wait returns when the script has its reply, or when its context ends before it
// is sent. Once it is, the command belongs to the pipeline until that has ended.
func (j *joiner) wait(s *script) error {
	select {
	case <-s.done:
		return s.cmd.Err()
	case <-s.ctx.Done():
	}
	j.mu.Lock()
	at := slices.Index(j.waiting, s)
	if at >= 0 {
		j.waiting = slices.Delete(j.waiting, at, at+1)
	}
	j.mu.Unlock()
	if at < 0 {
		<-s.done
		return s.cmd.Err()
	}
	err := s.ctx.Err()
	s.cmd.SetErr(err)
	return err
}

// enter reports whether the script is to be sent by itself. Otherwise it waits
// for a pipeline.
func (j *joiner) enter(s *script) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.sending < joinedAtOnce {
		j.sending++
		return true
	}
	j.waiting = append(j.waiting, s)
	return false
}

// leave ends what is under way. If others wait by now, a pipeline takes its
// place.
func (j *joiner) leave() {
	if group := j.next(); group != nil {
		go func() {
			for ; group != nil; group = j.next() {
				j.send(group)
			}
		}()
	}
}

// next returns the scripts of the next pipeline, nil when none waits.
func (j *joiner) next() []*script {
	j.mu.Lock()
	defer j.mu.Unlock()
	n := min(len(j.waiting), joinedMost)
	if n == 0 {
		j.sending--
		return nil
	}
	group := slices.Clone(j.waiting[:n])
	j.waiting = slices.Delete(j.waiting, 0, n)
	return group
}

// send runs the scripts, each of which has its reply or its error afterwards.
func (j *joiner) send(group []*script) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(group[0].ctx), j.timeout)
	defer cancel()
	cmds := make([]redis.Cmder, len(group))
	for i, s := range group {
		cmds[i] = s.cmd
	}
	_ = j.pipe(ctx, cmds) // every command has its own error, be it that of the connection
	for _, s := range group {
		close(s.done)
	}
}
