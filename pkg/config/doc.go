// Package config reads cloud.conf: read, default, validate, with every problem
// reported at once.
package config
