package search

// At returns what the threshold gives, whether or not a row has that score.
// Where no row is positive its precision is 0. The arguments are those of
// Thresholds.
func At(objective string, beta float64, labels, scores []float64, threshold float64) (Point, error) {
	score, err := scorer(objective, beta)
	if err != nil {
		return Point{}, err
	}
	if _, err := check(labels, scores); err != nil {
		return Point{}, err
	}
	p := Point{Threshold: threshold}
	for i, y := range labels {
		switch positive := scores[i] >= threshold; {
		case positive && y == 1:
			p.TP++
		case positive:
			p.FP++
		case y == 1:
			p.FN++
		default:
			p.TN++
		}
	}
	p.measure(score)
	return p, nil
}
