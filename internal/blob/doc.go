// Package blob keeps files in an S3 bucket: uploads, artefacts of jobs,
// results. Files of any length stream through it in memory that does not grow
// with them. A file appears whole or not at all.
//
// blob is the one home of the AWS SDK. It imports fault and secret and knows
// no domain: callers declare the few methods they need as an interface of
// their own.
//
// Enter at [New] and [Client].
package blob
