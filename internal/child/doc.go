// Package child runs the handlers of heavy jobs in processes of their own: the
// worker keeps the job, its heartbeat, its fence and its commit, and the child
// does the work and dies alone when it needs too much memory or breaks.
//
// The two speak frames over a pair of pipes; see [Serve] for what each side
// says. The child reads records through its worker and never writes one; files
// it reads and writes itself.
//
// child imports job, the store's contract and fault. Enter at [NewHost] in the
// worker and at [Serve] in the child.
package child
