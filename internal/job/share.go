package job

import (
	"maps"
	"math"
)

// shares divides the room of one pool between the tenants that wait, by stride
// scheduling (Waldspurger and Weihl, 1995): every job moves its tenant forward
// by one over its weight, and the tenant that is furthest behind has the next
// turn. Whoever begins to wait begins where the others are: nobody saves up
// turns, and nobody waits for what others had before.
type shares struct {
	now  float64            // where the tenant was that had the last turn
	pass map[string]float64 // by tenant
	owed map[string]float64 // jobs that a tenant should have had, less those it had
}

func newShares() *shares {
	return &shares{pass: map[string]float64{}, owed: map[string]float64{}}
}

// enter sets who waits. Of those who do not, only who is ahead is remembered.
func (s *shares) enter(waiting []*contender) {
	here := make(map[string]bool, len(waiting))
	for _, c := range waiting {
		here[c.tenant] = true
		s.hold(c.tenant)
	}
	maps.DeleteFunc(s.pass, func(tenant string, pass float64) bool { return !here[tenant] && pass <= s.now })
	maps.DeleteFunc(s.owed, func(tenant string, _ float64) bool { return !here[tenant] })
}

// hold keeps a tenant that cannot have its turn from saving it up.
func (s *shares) hold(tenant string) { s.pass[tenant] = max(s.pass[tenant], s.now) }

// first returns the tenant that is furthest behind.
func (s *shares) first(able []*contender) *contender {
	next := able[0]
	for _, c := range able[1:] {
		if s.pass[c.tenant] < s.pass[next.tenant] {
			next = c
		}
	}
	return next
}

// charge takes note that the tenant, one of those that can have a turn, got it.
func (s *shares) charge(c *contender, able []*contender) {
	at := s.pass[c.tenant]
	s.now = max(s.now, at)
	s.pass[c.tenant] = at + 1/float64(c.rule.weight)
	all := 0
	for _, a := range able {
		all += a.rule.weight
	}
	for _, a := range able {
		s.owed[a.tenant] += float64(a.rule.weight) / float64(all)
	}
	s.owed[c.tenant]--
}

// err is by how many jobs what a tenant had differs from its share, at most,
// since it waits.
func (s *shares) err() float64 {
	most := 0.0
	for _, owed := range s.owed {
		most = max(most, math.Abs(owed))
	}
	return most
}
