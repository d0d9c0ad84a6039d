package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"underlay/pkg/simulator"
)

// writtenBy begins every file that `underlay simulate` writes: one that begins
// otherwise is somebody's own and stays.
const writtenBy = "# Written by underlay simulate, anew at each start.\n"

// introduction is what `underlay simulate` says of itself.
type introduction struct {
	cloud               *simulator.Cloud
	name, routerID, url string
	devices             *deviceFolder
}

func (i introduction) cloudConf() string {
	text := i.cloud.CloudConf(i.url)
	if i.routerID != "" {
		text = strings.TrimRight(text, "\n") + "\n\n[Route]\nrouter-id=" + i.routerID + "\n"
	}
	return text
}

// say prints everything that one needs to use the cloud. With a folder the two
// files are written there, readable by their owner only.
func (i introduction) say(out io.Writer, folder string) error {
	var text strings.Builder
	fmt.Fprintf(&text, "Simulated OpenStack on %s\nLive page:  %s/\nKeystone:   %s\n", i.url, i.url, simulator.IdentityURL(i.url))
	clouds := "clouds.yaml"
	if folder == "" {
		fmt.Fprintf(&text, "\n--- cloud.conf ---\n%s\n--- clouds.yaml ---\n%s\n---\n", i.cloudConf(), i.cloud.CloudsYAML(i.url))
	} else {
		written, err := i.write(folder)
		if err != nil {
			return err
		}
		clouds = written
		fmt.Fprintf(&text, "cloud.conf: %s\nclouds.yaml: %s\n", filepath.Join(filepath.Dir(written), "cloud.conf"), written)
	}
	i.devices.introduce(&text, i.url)
	hint := ""
	if folder == "" {
		hint = " (save the text above as clouds.yaml, or start with --write-config DIR)"
	}
	fmt.Fprintf(&text, `
With the openstack client%s:
  export OS_CLIENT_CONFIG_FILE=%s OS_CLOUD=%s
  openstack server list
  openstack router list
OS_CLOUD=%s is the administrator.

Ctrl-C stops it.
`, hint, shellQuoted(clouds), shellQuoted(i.name), shellQuoted(i.name+"-admin"))
	if _, err := io.WriteString(out, text.String()); err != nil {
		return fmt.Errorf("print how to use the cloud: %w", err)
	}
	return nil
}

// write puts both files into the folder and returns the path of clouds.yaml.
func (i introduction) write(folder string) (clouds string, err error) {
	if folder, err = filepath.Abs(folder); err != nil {
		return "", fmt.Errorf("find the folder of --write-config: %w", err)
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return "", fmt.Errorf("make the folder of --write-config: %w", err)
	}
	clouds = filepath.Join(folder, "clouds.yaml")
	return clouds, errors.Join(
		writeOwn(filepath.Join(folder, "cloud.conf"), i.cloudConf()),
		writeOwn(clouds, i.cloud.CloudsYAML(i.url)),
	)
}

// writeOwn replaces a file at once, unless it is somebody else's.
func writeOwn(path, text string) error {
	old, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return fmt.Errorf("look at %s: %w", path, err)
	case !strings.HasPrefix(string(old), writtenBy):
		return fmt.Errorf("%s was not written by underlay simulate and is not overwritten; choose another folder", path)
	}
	temporary := path + ".new"
	if err := os.Remove(temporary); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := os.WriteFile(temporary, []byte(writtenBy+text), 0o600); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := os.Rename(temporary, path); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// shellQuoted is a word as a POSIX shell reads it back.
func shellQuoted(word string) string {
	if word != "" && strings.Trim(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-") == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
