// Package account knows who is asking. A [Caller] is a user of a tenant with
// roles; a [Verifier] makes one of a credential: a JSON Web Token signed with
// HS256, or the encrypted session token of Auth.js version 5. [Developer]
// makes the one user of development mode.
//
// account may import fault, the standard library and go-jose, whose home it
// is. It knows no HTTP: where a credential was found is the edge's business.
//
// Enter at [NewVerifier] and [Verifier.Verify].
package account
