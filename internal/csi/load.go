package csi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"k8s.io/klog/v2"

	"underlay/pkg/config"
)

// load reads the configuration, logs warnings and notes, and returns all errors at
// once. Without the controller service nobody needs credentials: then what is
// wrong with them is no error.
func load(ctx context.Context, paths []string, credentials bool) (*config.Config, error) {
	cfg, report := read(paths)
	var errs []error
	for _, problem := range report.Problems {
		switch {
		case problem.Section == "Global" && !credentials:
		case problem.Severity == config.Error:
			errs = append(errs, problem)
		default:
			klog.FromContext(ctx).Info("cloud.conf: "+problem.Error(), "severity", problem.Severity)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("read the cloud configuration: %w\ncheck it with: underlay config check %s", err, strings.Join(paths, " "))
	}
	return cfg, nil
}

// read reads one file, several as one, or none.
func read(paths []string) (*config.Config, config.Report) {
	if len(paths) == 1 {
		return config.Load(paths[0])
	}
	var all bytes.Buffer
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return config.Load(path) // it says why
		}
		all.Write(text)
		all.WriteString("\n")
	}
	cfg, report := config.Read(&all, strings.Join(paths, "+"), config.OSEnv())
	for _, g := range globals(cfg) {
		g.WatchFiles = append(slices.Clone(paths), g.WatchFiles...)
	}
	return cfg, report
}

// globals are the clouds of a configuration by name; "" is [Global].
func globals(cfg *config.Config) map[string]*config.Global {
	all := map[string]*config.Global{}
	maps.Copy(all, cfg.Clouds)
	if cfg.Global.AuthURL != "" || len(cfg.Clouds) == 0 {
		all[""] = &cfg.Global
	}
	return all
}

// reload reads one cloud's credentials anew after one of their files changed.
func reload(paths []string, name string) (config.Global, error) {
	cfg, report := read(paths)
	if err := report.Err(); err != nil {
		return config.Global{}, err
	}
	g, ok := globals(cfg)[name]
	if !ok {
		return config.Global{}, fmt.Errorf("the configuration has no cloud %q any more", name)
	}
	return *g, nil
}
