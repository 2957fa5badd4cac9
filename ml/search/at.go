package search

// At returns what the threshold gives, whether or not a row has that score.
// Where no row is positive its precision is 0. The arguments are those of
// Thresholds.
func At(objective string, beta float64, labels, scores []float64, threshold float64, weights ...float64) (Point, error) {
	score, err := scorer(objective, beta)
	if err != nil {
		return Point{}, err
	}
	all, err := check(labels, scores, weights)
	if err != nil {
		return Point{}, err
	}
	var above tally
	for i := range labels {
		if scores[i] >= threshold {
			above.add(labels, weights, i)
		}
	}
	return point(threshold, above, all, score), nil
}
