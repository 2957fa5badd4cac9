// Package fault defines the errors that cross a border of the system: errors
// with a class, which decides what happens next, and a stable code, which
// clients may match on.
//
// Every package may import fault; fault imports the standard library only.
// Only internal/httpapi turns a class into an HTTP status.
//
// Enter at [Error], the constructors ([Invalid], [NotFound] …) and [ClassOf].
package fault
