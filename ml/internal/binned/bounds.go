package binned

// bounds returns the upper bounds of at most limit bins for the values, which
// ascend: value x is in the first bin b with x <= bounds[b], or in bin
// len(bounds). Values in no more than limit different amounts get a bin each;
// else the bins hold about as many values each, and a frequent value one alone.
func bounds(sorted []float64, limit int) []float64 {
	runs := count(sorted, limit)
	if runs < 2 {
		return nil
	}
	out := make([]float64, 0, min(runs, limit)-1)
	left, inBin := len(sorted), 0
	for start := 0; start < len(sorted) && len(out) < limit-1; {
		end := runEnd(sorted, start)
		if end == len(sorted) {
			break
		}
		inBin += end - start
		cut := runs <= limit
		if !cut {
			target := float64(left) / float64(limit-len(out))
			under := target - float64(inBin)
			over := float64(inBin+runEnd(sorted, end)-end) - target
			cut = under <= 0 || over > under
		}
		if cut {
			out = append(out, between(sorted[end-1], sorted[end]))
			left -= inBin
			inBin = 0
		}
		start = end
	}
	return out
}

// count returns the number of different values, or limit+1 if it is larger.
func count(sorted []float64, limit int) int {
	n := 0
	for start := 0; start < len(sorted) && n <= limit; start = runEnd(sorted, start) {
		n++
	}
	return n
}

// runEnd returns the end of the run of equal values that begins at start.
func runEnd(sorted []float64, start int) int {
	end := start + 1
	for end < len(sorted) && sorted[end] == sorted[start] {
		end++
	}
	return end
}

// between returns a number m with a <= m < b that is about halfway.
func between(a, b float64) float64 {
	if m := a/2 + b/2; m >= a && m < b {
		return m
	}
	return a
}
