package metric

// step is a group of rows with one probability: the weights of its negatives
// and of its positives.
type step struct {
	score              float64
	negative, positive float64
}

// ranking is the groups by falling probability of the positive class, and the
// total weights.
type ranking struct {
	steps []step
	total step
}

// ranking sorts once.
func (s *scoring) ranking(name string) (*ranking, error) {
	if s.ranked == nil {
		s.ranked = s.rank(1)
	}
	return s.ranked, s.ranked.check(name)
}

// check reports whether both sides have rows.
func (r *ranking) check(name string) error {
	if r.total.positive == 0 || r.total.negative == 0 {
		return inputError(OneClass, "%s is undefined when all rows are of one class; rows of both are needed", name)
	}
	return nil
}

// rank sorts the rows by their probability of a class, which counts as the
// positive one.
func (s *scoring) rank(class int) *ranking {
	scores := s.column(class)
	r := &ranking{}
	for n, i := range descending(scores) {
		if n == 0 || scores[i] != r.steps[len(r.steps)-1].score {
			r.steps = append(r.steps, step{score: scores[i] + 0})
		}
		g, w := &r.steps[len(r.steps)-1], s.y.Weight(int(i))
		if int(s.y.Values[i]) == class {
			g.positive += w
			r.total.positive += w
		} else {
			g.negative += w
			r.total.negative += w
		}
	}
	return r
}

// column returns the outputs of a class.
func (s *scoring) column(k int) []float64 {
	out := make([]float64, len(s.y.Values))
	for i := range out {
		out[i] = s.outputs[i*s.width+k]
	}
	return out
}

// rocAUC is the chance that a positive has a larger probability than a negative,
// half of ties included.
func (s *scoring) rocAUC() (float64, error) {
	r, err := s.ranking(ROCAUC)
	if err != nil {
		return 0, err
	}
	return r.auc(), nil
}

func (r *ranking) auc() float64 {
	area, above := 0.0, 0.0
	for _, g := range r.steps {
		area += g.negative * (above + g.positive/2)
		above += g.positive
	}
	return min(area/r.total.negative/r.total.positive, 1)
}

func (s *scoring) gini() (float64, error) {
	r, err := s.ranking(Gini)
	if err != nil {
		return 0, err
	}
	return 2*r.auc() - 1, nil
}

// ks is the largest distance between the shares of the positives and of the
// negatives that lie above a probability.
func (s *scoring) ks() (float64, error) {
	r, err := s.ranking(KS)
	if err != nil {
		return 0, err
	}
	largest, positive, negative := 0.0, 0.0, 0.0
	for _, g := range r.steps {
		positive += g.positive
		negative += g.negative
		largest = max(largest, positive/r.total.positive-negative/r.total.negative)
	}
	return largest, nil
}

// averagePrecision is the mean of the precision at each group of scores, by the
// recall that the group adds.
func (s *scoring) averagePrecision() (float64, error) {
	r, err := s.ranking(AveragePrecision)
	if err != nil {
		return 0, err
	}
	return r.averagePrecision(), nil
}

func (r *ranking) averagePrecision() float64 {
	sum, hits, all := 0.0, 0.0, 0.0
	for _, g := range r.steps {
		hits += g.positive
		all += g.positive + g.negative
		sum += g.positive * (hits / all)
	}
	return min(sum/r.total.positive, 1)
}

// classAUC is roc_auc for several classes (D. Hand and R. Till, A simple
// generalisation of the area under the ROC curve for multiple class
// classification problems, 2001, for one against one).
type classAUC struct {
	ovr, ovrWeighted, ovo, ovoWeighted float64
	empty                              int // a class without rows, or -1
}

// byClass makes a metric of classAUC.
func byClass(name string, f func(a *classAUC) float64) func(s *scoring) (float64, error) {
	return func(s *scoring) (float64, error) {
		if s.classes == nil {
			s.classes = s.rankClasses()
		}
		if k := s.classes.empty; k >= 0 {
			return 0, inputError(OneClass, "%s is undefined without rows of the class %q; rows of every class are needed", name, s.y.Classes[k])
		}
		return min(f(s.classes), 1), nil
	}
}

// rankClasses sorts the rows once for each class; the areas of the class
// against every other come of the same pass.
func (s *scoring) rankClasses() *classAUC {
	weight := s.tally().actual
	for k, w := range weight {
		if w == 0 {
			return &classAUC{empty: k}
		}
	}
	a := &classAUC{empty: -1}
	total, classes := s.tally().total, float64(len(weight))
	pairs := 0.0 // weight of all ordered pairs
	for k, w := range weight {
		rest, sum := 0.0, 0.0
		for j, area := range s.areas(k) {
			if j == k {
				continue
			}
			sum += area
			rest += weight[j]
			auc := area / w / weight[j]
			a.ovo += auc
			a.ovoWeighted += auc * (w + weight[j])
			pairs += w + weight[j]
		}
		auc := sum / w / rest
		a.ovr += auc / classes
		a.ovrWeighted += auc * (w / total)
	}
	a.ovo /= classes * (classes - 1)
	a.ovoWeighted /= pairs
	return a
}

// areas returns, for every other class, the weights of its rows times those of
// the rows of class k that have a larger probability of k, and half of those
// that have the same.
func (s *scoring) areas(k int) []float64 {
	scores := s.column(k)
	order := descending(scores)
	areas := make([]float64, s.width)
	above := 0.0
	for lo := 0; lo < len(order); {
		hi, tied := lo, 0.0
		for ; hi < len(order) && scores[order[hi]] == scores[order[lo]]; hi++ {
			if i := order[hi]; int(s.y.Values[i]) == k {
				tied += s.y.Weight(int(i))
			}
		}
		for _, i := range order[lo:hi] {
			if j := int(s.y.Values[i]); j != k {
				areas[j] += s.y.Weight(int(i)) * (above + tied/2)
			}
		}
		above += tied
		lo = hi
	}
	return areas
}
