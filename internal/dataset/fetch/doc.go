// Package fetch brings files here that are elsewhere, and goes on where it broke off.
//
//	Config   where files come from and where they are kept, and the limits
//	File     what is to be fetched
//	Fetcher  fetches it for a job, and says where it is
//
// A file comes in pieces, each a file of its own until all are joined. After each
// piece the job's checkpoint says what has come: an attempt that breaks off, or whose
// process dies, loses no more than a piece, as long as the file elsewhere is the
// same. A source that is away is tried again after a pause, first within the
// attempt, then by a job that snoozes, and given up when patience is over; no failure
// of the job is counted meanwhile.
//
// fetch may import job and fault. It knows of no record, and nothing of data sets but
// their identifier.
//
// Enter at [New].
package fetch
