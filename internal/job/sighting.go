package job

import "time"

// sightings remembers since when values have stood still before this
// process's own eyes.
type sightings struct {
	at    time.Time           // of this look
	ended time.Time           // the last look that got to its end
	known map[string]sighting // by that look
	now   map[string]sighting // by this one
}

type sighting struct {
	value int64
	since time.Time
}

// begin starts a look. When the last one that got to its end is long ago,
// because this process was paused or the store was away, the workers may have
// been held up by the same, and what was seen before counts for nothing.
func (s *sightings) begin(at time.Time, often time.Duration) {
	s.at = at
	if at.Sub(s.ended) > often {
		s.known = nil
	}
	s.now = map[string]sighting{}
}

// forget makes what was seen count for nothing.
func (s *sightings) forget() { s.known, s.ended = nil, time.Time{} }

// still returns for how long the value has stood still.
func (s *sightings) still(id string, value int64) time.Duration {
	seen, ok := s.known[id]
	if !ok || seen.value != value {
		seen = sighting{value: value, since: s.at}
	}
	s.now[id] = seen
	return s.at.Sub(seen.since)
}

// end keeps what this look saw for the next one.
func (s *sightings) end() { s.known, s.ended = s.now, s.at }
