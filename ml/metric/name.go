package metric

import "github.com/narrativeml/narrative/ml"

// The names of the metrics of classes. Those that compare classes take the
// likeliest class of a row as the predicted one, the first of equals. Precision,
// F scores and the Jaccard index are 0 where nothing is predicted to be of the
// class, as is the recall of a class that has no rows within a mean.
const (
	ROCAUC           = "roc_auc"           // area under the ROC curve; Binary
	AveragePrecision = "average_precision" // step-wise area under the precision-recall curve; Binary
	LogLoss          = "log_loss"          // mean negative log-likelihood in nats
	Accuracy         = "accuracy"          // share of rows whose likeliest class is the true one
	BalancedAccuracy = "balanced_accuracy" // mean recall of the classes that have rows
	Precision        = "precision"         // share of true positives among the predicted ones; Binary
	Recall           = "recall"            // share of the positives that are found; Binary
	Specificity      = "specificity"       // share of the negatives that are found; Binary
	F1               = "f1"                // harmonic mean of precision and recall; Binary
	F2               = "f2"                // the same with recall counting twice; Binary
	FHalf            = "f0_5"              // the same with recall counting half; Binary
	Jaccard          = "jaccard"           // share of the rows that are both positive and predicted to be among those that are either; Binary
	Gini             = "gini"              // 2 roc_auc - 1; Binary
	KS               = "ks"                // largest distance of the true positive from the false positive rate (Kolmogorov-Smirnov); Binary
	Brier            = "brier"             // mean squared error of the positive class's probability; Binary
	MCC              = "mcc"               // Matthews correlation coefficient, 0 where target or predictions are of one class
	CohenKappa       = "cohen_kappa"       // agreement beyond chance
	KappaLinear      = "cohen_kappa_linear"
	KappaQuadratic   = "cohen_kappa_quadratic"

	F1Macro           = "f1_macro"        // mean of the classes that are true or predicted somewhere
	F1Weighted        = "f1_weighted"     // mean of the classes by their rows
	F1Micro           = "f1_micro"        // of the counts of all classes together, which is the accuracy
	PrecisionMacro    = "precision_macro" // the same of the precision
	PrecisionWeighted = "precision_weighted"
	PrecisionMicro    = "precision_micro"
	RecallMacro       = "recall_macro" // the same of the recall
	RecallWeighted    = "recall_weighted"
	RecallMicro       = "recall_micro"
	JaccardMacro      = "jaccard_macro" // the same of the Jaccard index
	JaccardWeighted   = "jaccard_weighted"
	JaccardMicro      = "jaccard_micro"

	ROCAUCOvR         = "roc_auc_ovr"          // mean over the classes of roc_auc against all others
	ROCAUCOvRWeighted = "roc_auc_ovr_weighted" // by the rows of the class
	ROCAUCOvO         = "roc_auc_ovo"          // mean over the pairs of classes of roc_auc of one against the other, both ways
	ROCAUCOvOWeighted = "roc_auc_ovo_weighted" // by the rows of the pair
	Top2              = "top_2_accuracy"       // share of rows whose class is among the 2 likeliest
	Top3              = "top_3_accuracy"
	Top5              = "top_5_accuracy"
)

// The names of the metrics of numbers.
const (
	RMSE            = "rmse"               // root of the mean squared error, in the target's unit
	MSE             = "mse"                // mean squared error
	MAE             = "mae"                // mean absolute error, in the target's unit
	MedianAE        = "median_ae"          // median absolute error, in the target's unit
	MaxError        = "max_error"          // largest absolute error
	R2              = "r2"                 // share of the variance explained
	Explained       = "explained_variance" // the same for errors less their mean
	MAPE            = "mape"               // mean absolute error relative to the true value, 1 is 100 %
	SMAPE           = "smape"              // mean of the absolute error relative to the mean of both magnitudes, 0 to 2
	RMSLE           = "rmsle"              // root of msle
	MSLE            = "msle"               // mean squared error of the logarithms of 1 + value
	PoissonDeviance = "poisson_deviance"   // mean deviance of a Poisson distribution
	GammaDeviance   = "gamma_deviance"     // mean deviance of a Gamma distribution
	TweedieDeviance = "tweedie_deviance"   // mean deviance of a Tweedie distribution of power 1.5
	PinballLoss     = "pinball"            // mean pinball loss of the median, half of mae
	D2AbsoluteError = "d2_absolute_error"  // share of the mean absolute error of the median that is saved
	D2Poisson       = "d2_poisson"         // share of the Poisson deviance of the mean that is saved
	D2Gamma         = "d2_gamma"           // the same of the Gamma deviance
	D2Tweedie       = "d2_tweedie"         // the same of the Tweedie deviance of power 1.5
)

// tweediePower is the power of the metrics that are named after Tweedie.
const tweediePower = 1.5

// metric is a name and how its score is worked out.
type metric struct {
	name  string
	score func(s *scoring) (float64, error)
}

// metricsOf returns the metrics of a task, the one to choose by first.
func metricsOf(task ml.Task) []metric {
	switch task {
	case ml.Binary:
		return binaryMetrics()
	case ml.Multiclass:
		return multiclassMetrics()
	case ml.Regression:
		return regressionMetrics()
	default:
		return nil
	}
}

func binaryMetrics() []metric {
	return []metric{
		{ROCAUC, (*scoring).rocAUC},
		{AveragePrecision, (*scoring).averagePrecision},
		{LogLoss, always((*scoring).logLoss)},
		{Accuracy, always((*scoring).accuracy)},
		{BalancedAccuracy, always((*scoring).balancedAccuracy)},
		{Precision, decided(Counts.Precision)},
		{Recall, needing(Recall, 1, Counts.Recall)},
		{Specificity, needing(Specificity, 0, Counts.Specificity)},
		{F1, decided(Counts.f1)},
		{F2, decided(func(c Counts) float64 { return c.F(2) })},
		{FHalf, decided(func(c Counts) float64 { return c.F(0.5) })},
		{F1Macro, mean(Counts.f1, macro)},
		{Jaccard, decided(Counts.Jaccard)},
		{MCC, always((*scoring).mcc)},
		{CohenKappa, kappa(CohenKappa, differ)},
		{Brier, always((*scoring).brier)},
		{Gini, (*scoring).gini},
		{KS, (*scoring).ks},
	}
}

func multiclassMetrics() []metric {
	list := []metric{
		{LogLoss, always((*scoring).logLoss)},
		{Accuracy, always((*scoring).accuracy)},
		{BalancedAccuracy, always((*scoring).balancedAccuracy)},
		{F1Macro, mean(Counts.f1, macro)},
		{F1Weighted, mean(Counts.f1, weighted)},
		{F1Micro, mean(Counts.f1, micro)},
		{PrecisionMacro, mean(Counts.Precision, macro)},
		{PrecisionWeighted, mean(Counts.Precision, weighted)},
		{PrecisionMicro, mean(Counts.Precision, micro)},
		{RecallMacro, mean(Counts.Recall, macro)},
		{RecallWeighted, mean(Counts.Recall, weighted)},
		{RecallMicro, mean(Counts.Recall, micro)},
		{JaccardMacro, mean(Counts.Jaccard, macro)},
		{JaccardWeighted, mean(Counts.Jaccard, weighted)},
		{JaccardMicro, mean(Counts.Jaccard, micro)},
		{MCC, always((*scoring).mcc)},
		{CohenKappa, kappa(CohenKappa, differ)},
		{KappaLinear, kappa(KappaLinear, linear)},
		{KappaQuadratic, kappa(KappaQuadratic, quadratic)},
		{ROCAUCOvR, byClass(ROCAUCOvR, func(a *classAUC) float64 { return a.ovr })},
		{ROCAUCOvRWeighted, byClass(ROCAUCOvRWeighted, func(a *classAUC) float64 { return a.ovrWeighted })},
		{ROCAUCOvO, byClass(ROCAUCOvO, func(a *classAUC) float64 { return a.ovo })},
		{ROCAUCOvOWeighted, byClass(ROCAUCOvOWeighted, func(a *classAUC) float64 { return a.ovoWeighted })},
	}
	for _, top := range []struct {
		name string
		k    int
	}{{Top2, 2}, {Top3, 3}, {Top5, 5}} {
		list = append(list, metric{top.name, func(s *scoring) (float64, error) { return s.top(top.name, top.k) }})
	}
	return list
}

func regressionMetrics() []metric {
	return []metric{
		{RMSE, always((*scoring).rmse)},
		{MAE, always((*scoring).mae)},
		{R2, (*scoring).r2},
		{MAPE, always((*scoring).mape)},
		{MSE, always((*scoring).mse)},
		{MedianAE, always((*scoring).medianAE)},
		{MaxError, always((*scoring).maxError)},
		{Explained, (*scoring).explained},
		{SMAPE, always((*scoring).smape)},
		{RMSLE, (*scoring).rmsle},
		{MSLE, func(s *scoring) (float64, error) { return s.msle(MSLE) }},
		{PoissonDeviance, deviance(PoissonDeviance, 1)},
		{GammaDeviance, deviance(GammaDeviance, 2)},
		{TweedieDeviance, deviance(TweedieDeviance, tweediePower)},
		{PinballLoss, always(func(s *scoring) float64 { return s.pinball(0.5) })},
		{D2AbsoluteError, func(s *scoring) (float64, error) { return s.d2Pinball(D2AbsoluteError, 0.5) }},
		{D2Poisson, d2(D2Poisson, 1)},
		{D2Gamma, d2(D2Gamma, 2)},
		{D2Tweedie, d2(D2Tweedie, tweediePower)},
	}
}

// Names returns the metrics of a task that Score and All know, the one to
// choose by first; nil for an unknown task.
func Names(task ml.Task) []string {
	var names []string
	for _, m := range metricsOf(task) {
		names = append(names, m.name)
	}
	return names
}

// HigherIsBetter reports whether a larger value of the metric is a better one.
func HigherIsBetter(name string) bool {
	switch name {
	case LogLoss, Brier,
		RMSE, MSE, MAE, MedianAE, MaxError, MAPE, SMAPE, RMSLE, MSLE,
		PoissonDeviance, GammaDeviance, TweedieDeviance, PinballLoss:
		return false
	default:
		return true
	}
}
