// Package config reads the settings of every process: defaults, then a YAML
// file, then the environment, then flags; the later wins. Every mistake is
// found at the start and all are reported at once.
//
// A setting is declared once, in settings: its place in the file, its variable,
// its flag, what it means and what is right. The documentation and `narrative
// config` are made from the same table.
//
// config may import internal/secret and the libraries that parse; it knows no
// other part. internal/app maps a Config to the Config of each part.
//
// Enter at Register and Load.
package config
