package linear

// Least is least of terms l1*|x-kink| + l2/2*(x-kink)².
func Least(kinks, l1, l2 []float64) float64 {
	terms := make([]term, len(kinks))
	for i, k := range kinks {
		terms[i] = term{k, l1[i], l2[i]}
	}
	return least(terms)
}
