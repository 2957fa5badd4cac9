// Package llm speaks to an OpenAI-compatible endpoint. So far it only asks
// whether one is there; the endpoint is optional.
//
// llm imports fault, secret and the standard library.
//
// Enter at [New].
package llm
