package profile

const (
	exactRows    = 1 << 17 // different rows that are told apart exactly
	rowPrecision = 18      // a standard error of 0.2 %, in 256 KiB
	rowError     = 1.04 / (1 << (rowPrecision / 2))
)

// rowSet counts the rows that differ from each other, given by 64-bit hashes:
// exactly up to exactRows, beyond it by HyperLogLog.
type rowSet struct {
	table  []uint64 // open addressing; 0 is free
	used   int
	sketch *distinct
}

func (s *rowSet) add(h uint64) {
	if s.sketch != nil {
		s.sketch.add(h)
		return
	}
	if h == 0 {
		h = 1
	}
	if 2*(s.used+1) > len(s.table) {
		s.grow()
	}
	if s.insert(h) && s.used > exactRows {
		s.spill()
	}
}

func (s *rowSet) insert(h uint64) bool {
	mask := uint64(len(s.table) - 1)
	for i := h & mask; ; i = (i + 1) & mask {
		switch s.table[i] {
		case h:
			return false
		case 0:
			s.table[i] = h
			s.used++
			return true
		}
	}
}

func (s *rowSet) grow() {
	old := s.table
	s.table, s.used = make([]uint64, max(1024, 2*len(old))), 0
	for _, h := range old {
		if h != 0 {
			s.insert(h)
		}
	}
}

// spill goes over to the sketch. The precision is one that exists.
func (s *rowSet) spill() {
	s.sketch, _ = newDistinct(rowPrecision)
	for _, h := range s.table {
		if h != 0 {
			s.sketch.add(h)
		}
	}
	s.table = nil
}

func (s *rowSet) merge(o *rowSet) error {
	if o.sketch != nil {
		if s.sketch == nil {
			s.spill()
		}
		return s.sketch.merge(o.sketch)
	}
	for _, h := range o.table {
		if h != 0 {
			s.add(h)
		}
	}
	return nil
}

// different returns how many rows differ, and whether that is exact.
func (s *rowSet) different() (n int64, exact bool) {
	if s.sketch != nil {
		return s.sketch.estimate(), false
	}
	return int64(s.used), true
}
