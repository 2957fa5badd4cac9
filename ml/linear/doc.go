// Package linear fits generalised linear models with a penalty: logistic
// regression for two classes, multinomial logistic regression for more, and for
// a value least squares or Poisson regression with a logarithmic link (Nelder and
// Wedderburn, "Generalized Linear Models", 1972). The penalty is that of ridge
// regression (Hoerl and Kennard, 1970), of the lasso (Tibshirani, 1996), which
// makes coefficients exactly 0, or of the elastic net between them (Zou and
// Hastie, "Regularization and variable selection via the elastic net", 2005).
// Params says what is minimised; it is what glmnet minimises (Friedman, Hastie
// and Tibshirani, "Regularization Paths for Generalized Linear Models via
// Coordinate Descent", 2010) and, with other names, scikit-learn.
//
// # Solvers
//
// All problems have one solver, which sees the table only by two products: that
// of the rows with coefficients, and that of the columns with a value for each
// row.
//
//	L1Ratio 0   Newton's method, its steps solved for by conjugate gradients,
//	            the more exactly the closer the minimum (Dembo and Steihaug,
//	            "Truncated-Newton algorithms for large-scale unconstrained
//	            optimization", 1983). Least squares take one step.
//	L1Ratio >0  A reduced-space method (Chen, Curtis and Robinson, "A reduced-space
//	            algorithm for minimizing l1-regularized convex functions", 2017):
//	            a proximal gradient step over all coefficients finds which are
//	            not 0, the active set; Newton's steps on those alone, their signs
//	            kept, lead on until they are at rest. They are damped (Levenberg,
//	            1944).
//
// Variables are centred and scaled, and preconditioned by the diagonal of the
// second derivatives, so that scaling a table first is not needed. How much a
// step lowers the function is summed up from the changes of the rows, not from
// two sums, and so is known to the last digits: fits can be as exact as the
// numbers.
//
// # Columns of strings
//
// A column of strings stands for a variable for each category, 1 in its rows and
// 0 elsewhere, which is never written down. A product with coefficients looks one
// up by the code of each row; a product with values adds each to the sum of its
// code; centring and scaling happen before and after. Time for a pass and memory
// grow with rows times columns whatever the number of categories. Adding the same
// to the coefficients of all categories changes nothing but the penalty; along
// that direction its minimum, a weighted median, is found by itself.
//
// # Threads
//
// Rows are divided into stretches by the shape of the table alone. Sums over them
// are added in order, so that a model has the same bytes on any number of
// threads. A column of very many categories is summed by one thread at a time.
//
// linear imports frame, the contracts of ml, gonum and the standard library.
// Enter by Train.
package linear
