// Package prediction applies a model to every row of a data set's file.
//
//	Service    takes requests for predictions (API)
//	Runner     runs prediction jobs (worker)
//
// The file is read as it was uploaded, in any state of its data set, since a
// mistake in one row need not keep the others from being predicted: a row that
// cannot be read or has a value of another type than the model learned from is
// written, with its line and the reason, to an errors file in JSON Lines. A
// file that lacks columns is refused before anything is written. Columns are
// matched by name; those that the model does not use, and categories that it
// has not seen, become warnings. Where the model learned whole numbers any
// number will do.
//
// The output has the columns row_id, prediction and, for classes,
// probability_<class>. row_id is the row's number in the file, counted from 1
// without the header, or the text of the identifier's column. Reading,
// predicting and writing run side by side on a bounded number of chunks, so
// that memory does not grow with the file; rows keep their order.
//
// A large file, or one whose request asks for it, is divided: the job reads it
// once without its values to find out where records begin, fans out to one job
// for each part, and lets the file storage join what those wrote. The files are
// the same, byte for byte, as those of one that was not divided.
//
// prediction may import fault, store, job, account, tabular, dataset, model
// and ml.
package prediction
