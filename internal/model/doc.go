// Package model keeps the records of trained models and loads their files.
//
// A model's record is made by the training job that trained it, once, when
// that job's result is committed; its identifier follows from the job's, so
// that publishing twice makes one record. A tuning job moves its threshold.
//
// model may import fault, job, store, tabular and ml. Enter at [Service].
package model
