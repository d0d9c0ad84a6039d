package config

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// maxSize bounds what is read, in bytes: a cloud.conf has a few kilobytes.
const maxSize = 1 << 17

// Env is the world around a configuration file. The zero Env is an empty one:
// no variables, and no files are looked at.
type Env struct {
	// LookupEnv returns an environment variable and whether it is set.
	LookupEnv func(name string) (string, bool)
	// ReadFile returns the content of a file. Nil: files are not looked at,
	// so that their absence is no problem.
	ReadFile func(path string) ([]byte, error)
	// CloudsDirs are searched for clouds.yaml, in this order.
	CloudsDirs []string
}

// OSEnv is the environment of this process. The directories for clouds.yaml
// are those of openstacksdk:
// https://docs.openstack.org/openstacksdk/latest/user/config/configuration.html#config-files.
func OSEnv() Env {
	env := Env{LookupEnv: os.LookupEnv, ReadFile: os.ReadFile, CloudsDirs: []string{"."}}
	if dir, err := os.UserConfigDir(); err == nil {
		env.CloudsDirs = append(env.CloudsDirs, filepath.Join(dir, "openstack"))
	}
	env.CloudsDirs = append(env.CloudsDirs, "/etc/openstack")
	return env
}

func (e Env) lookup(name string) string {
	if e.LookupEnv == nil {
		return ""
	}
	value, _ := e.LookupEnv(name)
	return value
}

// Load reads the configuration file at path, with this process's environment
// and clouds.yaml for what it leaves out. The Config is never nil, but must
// not be used when Report.Err is not nil.
func Load(path string) (*Config, Report) {
	text, err := os.ReadFile(path)
	if err != nil {
		return unreadable(path, err)
	}
	config, report := Read(bytes.NewReader(text), path, OSEnv())
	for _, name := range globalSection.names(config) {
		g := globalSection.holder(config, name).(*Global)
		g.WatchFiles = append([]string{path}, g.WatchFiles...)
	}
	return config, report
}

// Read reads a configuration from r; name is what problems call it. The Config
// is never nil: what could not be read has its default. It must not be used
// when Report.Err is not nil.
func Read(r io.Reader, name string, env Env) (*Config, Report) {
	text, err := io.ReadAll(io.LimitReader(r, maxSize+1))
	if err != nil {
		return unreadable(name, err)
	}
	if len(text) > maxSize {
		return unreadable(name, fmt.Errorf("it is longer than %d bytes", maxSize))
	}
	rd := &reader{name: name, env: env, config: &Config{}}
	rd.read(text)
	rd.report.sort()
	return rd.config, rd.report
}

func unreadable(name string, err error) (*Config, Report) {
	return &Config{}, Report{Problems: []Problem{{
		Severity: Error, File: name, Message: "cannot read the file: " + cause(err),
		Advice: "check the path and its permissions",
	}}}
}
