package lab

import (
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"strings"

	ignition "github.com/coreos/ignition/v2/config/v3_4"
	"github.com/coreos/ignition/v2/config/v3_4/types"

	"underlay/test/nodes/machine"
)

// provisioned is what an unattended install puts on a node, read from the Ignition
// configuration that manifests/node ships, and the kubelet's flags in it.
func (l *Lab) provisioned(controlPlane bool) (files []machine.File, kubelet []string, err error) {
	name := "node/worker.ign"
	if controlPlane {
		name = "node/control-plane.ign"
	}
	text, err := os.ReadFile(l.manifest(name))
	if err != nil {
		return nil, nil, err
	}
	config, report, err := ignition.Parse(text)
	if err != nil {
		return nil, nil, fmt.Errorf("read %s: %w: %s", name, err, report.String())
	}
	for _, d := range config.Storage.Directories {
		files = append(files, machine.File{Path: d.Path, Mode: os.ModeDir | os.FileMode(*d.Mode), UID: number(d.User.ID)})
	}
	for _, f := range config.Storage.Files {
		encoded, _ := strings.CutPrefix(*f.Contents.Source, "data:;base64,")
		content, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil {
			return nil, nil, fmt.Errorf("read %s in %s: %w", f.Path, name, err)
		}
		files = append(files, machine.File{Path: f.Path, Content: content, Mode: os.FileMode(*f.Mode), UID: number(f.User.ID)})
	}
	kubelet, err = kubeletFlags(config)
	return files, kubelet, err
}

// kubeletFlags are those that kubeadm's unit takes from the environment.
func kubeletFlags(config types.Config) ([]string, error) {
	for _, unit := range config.Systemd.Units {
		for _, d := range unit.Dropins {
			_, after, found := strings.Cut(*d.Contents, `Environment="KUBELET_EXTRA_ARGS=`)
			if flags, _, closed := strings.Cut(after, `"`); unit.Name == "kubelet.service" && found && closed {
				return strings.Fields(flags), nil
			}
		}
	}
	return nil, errors.New("no unit kubelet.service with KUBELET_EXTRA_ARGS")
}

func number(value *int) int {
	if value == nil {
		return 0
	}
	return *value
}
