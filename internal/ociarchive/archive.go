// Package ociarchive writes container images without a container engine: a few
// files and a command, as one tar archive that `ctr images import`, `podman
// load`, `docker load` and `skopeo copy oci-archive:` read. The same input gives
// the same bytes.
//
// The format is the OCI image layout
// (https://github.com/opencontainers/image-spec/blob/main/image-layout.md)
// with the manifest.json of `docker save` beside it.
package ociarchive

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path"
	"slices"
	"strings"
)

// File is one file of an image.
type File struct {
	// Path is where it is in the image; its folders are made.
	Path string
	// Source is the file on this machine whose content it gets.
	Source string
	Mode   os.FileMode
}

// name is the path as the layer has it.
func (f File) name() string { return strings.TrimPrefix(path.Clean("/"+f.Path), "/") }

// Image is what an archive holds: one layer and how to run it.
type Image struct {
	// Ref is the full name with registry and tag, as manifests name it.
	Ref   string
	Files []File
	// Entrypoint and Cmd are those of the image's configuration.
	Entrypoint, Cmd []string
	// User is "uid" or "uid:gid"; "" is root.
	User string
	// Architecture is a GOARCH.
	Architecture string
}

// Media types of the image specification.
const (
	mediaIndex    = "application/vnd.oci.image.index.v1+json"
	mediaManifest = "application/vnd.oci.image.manifest.v1+json"
	mediaConfig   = "application/vnd.oci.image.config.v1+json"
	mediaLayer    = "application/vnd.oci.image.layer.v1.tar"
)

// descriptor points to a blob.
type descriptor struct {
	MediaType   string            `json:"mediaType"`
	Digest      string            `json:"digest"`
	Size        int64             `json:"size"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

func (d descriptor) path() string { return "blobs/" + strings.Replace(d.Digest, ":", "/", 1) }

// counter measures what is written to it.
type counter struct {
	hash hash.Hash
	size int64
}

func (c *counter) Write(p []byte) (int, error) {
	c.size += int64(len(p))
	return c.hash.Write(p)
}

func (c *counter) descriptor(mediaType string) descriptor {
	return descriptor{MediaType: mediaType, Digest: "sha256:" + hex.EncodeToString(c.hash.Sum(nil)), Size: c.size}
}

// WriteFile writes the archive to a file, which is there whole or not at all.
func (i Image) WriteFile(name string) (err error) {
	file, err := os.CreateTemp(path.Dir(name), path.Base(name)+".*")
	if err != nil {
		return fmt.Errorf("write image %s: %w", i.Ref, err)
	}
	defer func() { _ = os.Remove(file.Name()) }() // gone, when all went well
	if err := errors.Join(i.Write(file), file.Chmod(0o644), file.Close()); err != nil {
		return fmt.Errorf("write image %s: %w", i.Ref, err)
	}
	return os.Rename(file.Name(), name)
}

// Write writes the archive. The sources are read twice: names come before
// contents, and a name is the hash of its content.
func (i Image) Write(w io.Writer) error {
	measured := &counter{hash: sha256.New()}
	if err := i.writeLayer(measured); err != nil {
		return err
	}
	layer := measured.descriptor(mediaLayer)
	out := &blobs{tar: tar.NewWriter(w)}
	config := out.json(mediaConfig, i.config(layer))
	manifest := out.json(mediaManifest, map[string]any{
		"schemaVersion": 2, "mediaType": mediaManifest, "config": config, "layers": []descriptor{layer},
	})
	// containerd takes the whole name from the first annotation, others from the second.
	manifest.Annotations = map[string]string{"io.containerd.image.name": i.Ref, "org.opencontainers.image.ref.name": i.Ref}
	out.file("oci-layout", encode(map[string]any{"imageLayoutVersion": "1.0.0"}))
	out.file("index.json", encode(map[string]any{"schemaVersion": 2, "mediaType": mediaIndex, "manifests": []descriptor{manifest}}))
	out.file("manifest.json", encode([]any{map[string]any{
		"Config": config.path(), "RepoTags": []string{i.Ref}, "Layers": []string{layer.path()},
	}}))
	out.header(layer.path(), layer.Size)
	if out.err != nil {
		return out.err
	}
	if err := i.writeLayer(out.tar); err != nil {
		return err
	}
	return out.tar.Close()
}

// searchPath is where programs of an image find each other.
const searchPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// config is the image configuration
// (https://github.com/opencontainers/image-spec/blob/main/config.md).
func (i Image) config(layer descriptor) any {
	return map[string]any{
		"architecture": i.Architecture, "os": "linux",
		"config": map[string]any{
			"User": i.User, "Entrypoint": i.Entrypoint, "Cmd": i.Cmd, "Env": []string{searchPath},
		},
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{layer.Digest}},
	}
}

// writeLayer writes the files, their folders first, in the order of their names.
func (i Image) writeLayer(w io.Writer) error {
	layer := tar.NewWriter(w)
	files := slices.SortedFunc(slices.Values(i.Files), func(a, b File) int { return strings.Compare(a.name(), b.name()) })
	made := map[string]bool{".": true}
	for _, file := range files {
		for _, folder := range parents(file.name()) {
			if made[folder] {
				continue
			}
			made[folder] = true
			if err := layer.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: folder + "/", Mode: 0o755}); err != nil {
				return err
			}
		}
		if err := copyFile(layer, file); err != nil {
			return err
		}
	}
	return layer.Close()
}

func copyFile(layer *tar.Writer, file File) error {
	source, err := os.Open(file.Source)
	if err != nil {
		return err
	}
	defer func() { _ = source.Close() }()
	info, err := source.Stat()
	if err != nil {
		return err
	}
	if err := layer.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: file.name(), Mode: int64(file.Mode.Perm()), Size: info.Size()}); err != nil {
		return err
	}
	_, err = io.Copy(layer, source)
	return err
}

// parents are the folders above a name, the highest first.
func parents(name string) []string {
	var all []string
	for folder := path.Dir(name); folder != "."; folder = path.Dir(folder) {
		all = append([]string{folder}, all...)
	}
	return all
}

// blobs writes entries of the archive until the first error.
type blobs struct {
	tar *tar.Writer
	err error
}

func (b *blobs) header(name string, size int64) {
	if b.err == nil {
		b.err = b.tar.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: size})
	}
}

func (b *blobs) file(name string, content []byte) {
	b.header(name, int64(len(content)))
	if b.err == nil {
		_, b.err = b.tar.Write(content)
	}
}

// json writes a blob and returns what points to it.
func (b *blobs) json(mediaType string, value any) descriptor {
	content := encode(value)
	measured := &counter{hash: sha256.New()}
	_, _ = io.Copy(measured, bytes.NewReader(content)) // a hash takes everything
	d := measured.descriptor(mediaType)
	b.file(d.path(), content)
	return d
}

// encode is JSON of values that are all strings, numbers, lists and maps.
func encode(value any) []byte {
	content, err := json.Marshal(value)
	if err != nil {
		return nil
	}
	return content
}
