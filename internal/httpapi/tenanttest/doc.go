// Package tenanttest walks every route of an API's OpenAPI document with the
// identifiers of things that exist and belong to another tenant.
//
// tenanttest is for tests only. It imports the standard library and speaks
// HTTP.
//
// Enter at [Walk].
package tenanttest
