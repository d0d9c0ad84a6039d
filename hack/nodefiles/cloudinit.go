package main

import (
	"fmt"
	"strconv"

	"sigs.k8s.io/yaml"
)

// cloudInit is the same for cloud-init (https://docs.cloud-init.io/en/latest/reference/modules.html).
// Its write_files knows owners by name only and makes no directories, so commands
// do that; until they have run a file with an owner is root's and as closed as it
// will be.
func (n *node) cloudInit(source string) ([]byte, error) {
	var files []any
	var commands [][]string
	write := func(path string, mode int, content string) {
		files = append(files, object{"path": path, "permissions": fmt.Sprintf("0%o", mode), "content": content})
	}
	for _, e := range n.Storage.Directories {
		commands = append(commands, append([]string{"install", "-d", "-m", fmt.Sprintf("0%o", e.Mode)}, append(e.installOwner(), e.Path)...))
	}
	for _, e := range n.Storage.Files {
		write(e.Path, e.Mode, e.content)
		if e.User.ID != nil {
			commands = append(commands, []string{"chown", e.owner(), e.Path})
		}
	}
	var enabled []string
	for _, u := range n.Systemd.Units {
		if u.content != "" {
			write("/etc/systemd/system/"+u.Name, 0o644, u.content)
		}
		if u.Enabled != nil && *u.Enabled {
			enabled = append(enabled, u.Name)
		}
		for _, d := range u.Dropins {
			write("/etc/systemd/system/"+u.Name+".d/"+d.Name, 0o644, d.content)
		}
	}
	commands = append(commands, []string{"sysctl", "--system"}, []string{"systemctl", "daemon-reload"})
	for _, name := range enabled {
		commands = append(commands, []string{"systemctl", "enable", "--now", name})
	}
	// What runs already reads the new settings; what is not installed yet will.
	commands = append(commands, []string{"systemctl", "try-restart", "containerd.service", "kubelet.service"})
	text, err := yaml.Marshal(object{"write_files": files, "runcmd": commands})
	header := "#cloud-config\n# Written by make generate from " + source + ".\n"
	return append([]byte(header), text...), err
}

func (e entry) owner() string {
	text := strconv.Itoa(*e.User.ID)
	if e.Group.ID != nil {
		text += ":" + strconv.Itoa(*e.Group.ID)
	}
	return text
}

func (e entry) installOwner() []string {
	var args []string
	if e.User.ID != nil {
		args = append(args, "-o", strconv.Itoa(*e.User.ID))
	}
	if e.Group.ID != nil {
		args = append(args, "-g", strconv.Itoa(*e.Group.ID))
	}
	return args
}
