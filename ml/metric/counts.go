package metric

import "math"

// Counts are the rows of a binary decision, or the sums of their weights, by
// what was true and what was decided. A figure whose denominator is 0 is 0.
type Counts struct {
	TP float64 `json:"tp"` // positive, and decided to be
	FP float64 `json:"fp"` // negative, but decided to be positive
	TN float64 `json:"tn"` // negative, and decided to be
	FN float64 `json:"fn"` // positive, but decided to be negative
}

// Precision is the share of true positives among those decided to be positive.
func (c Counts) Precision() float64 { return ratio(c.TP, c.TP+c.FP) }

// Recall is the share of the positives that are found.
func (c Counts) Recall() float64 { return ratio(c.TP, c.TP+c.FN) }

// Specificity is the share of the negatives that are found.
func (c Counts) Specificity() float64 { return ratio(c.TN, c.TN+c.FP) }

// Accuracy is the share of right decisions.
func (c Counts) Accuracy() float64 { return ratio(c.TP+c.TN, c.TP+c.FP+c.TN+c.FN) }

// BalancedAccuracy is the mean of recall and specificity.
func (c Counts) BalancedAccuracy() float64 { return (c.Recall() + c.Specificity()) / 2 }

// Youden is recall + specificity - 1 (W. Youden, Index for rating diagnostic
// tests, 1950).
func (c Counts) Youden() float64 { return c.Recall() + c.Specificity() - 1 }

// Jaccard is the share of the true positives among the rows that are positive
// or decided to be.
func (c Counts) Jaccard() float64 { return ratio(c.TP, c.TP+c.FP+c.FN) }

// F is the harmonic mean of precision and recall with recall counting beta
// times as much; beta is above 0 and finite.
func (c Counts) F(beta float64) float64 {
	// Dividing by the bigger of 1 and the square of beta keeps every term finite.
	hit, miss := 1.0, beta*beta
	if beta > 1 {
		hit, miss = 1/(beta*beta), 1
	}
	tp := c.TP * (hit + miss)
	return ratio(tp, tp+c.FN*miss+c.FP*hit)
}

func (c Counts) f1() float64 { return c.F(1) }

// MCC is the Matthews correlation coefficient (B. Matthews, Comparison of the
// predicted and observed secondary structure of T4 phage lysozyme, 1975).
func (c Counts) MCC() float64 {
	p, n := c.TP+c.FN, c.TN+c.FP
	yes, no := c.TP+c.FP, c.TN+c.FN
	if p == 0 || n == 0 || yes == 0 || no == 0 {
		return 0
	}
	return math.Sqrt(c.TP/p*(c.TP/yes)*(c.TN/n)*(c.TN/no)) - math.Sqrt(c.FN/p*(c.FP/yes)*(c.FP/n)*(c.FN/no))
}

func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}
