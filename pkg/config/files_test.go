package config_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"underlay/pkg/config"
)

// pair makes a self-signed certificate and its key, in PEM.
func pair(t *testing.T) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER}))
}

func TestTLSFiles(t *testing.T) {
	cert, key := pair(t)
	_, otherKey := pair(t)
	files := map[string]string{"ca": cert, "cert": cert, "key": key, "other": otherKey, "junk": marker, "empty": "", "folder/x": ""}
	for _, test := range []struct {
		name, text string
		want       []string
	}{
		{"all well", "ca-file=DIR/ca\ncert-file=DIR/cert\nkey-file=DIR/key\n", nil},
		{"missing CA", "ca-file=DIR/no\n", []string{"error cloud.conf:8: [Global] ca-file: cannot read the file: no such file or directory; check the path and its permissions"}},
		{"folder as a CA", "ca-file=DIR/folder\n", []string{"error cloud.conf:8: [Global] ca-file: cannot read the file: is a directory"}},
		{"CA without certificate", "ca-file=DIR/junk\n", []string{"error cloud.conf:8: [Global] ca-file: the file has no certificate; it has to be in PEM format"}},
		{"empty CA", "ca-file=DIR/empty\n", []string{"error cloud.conf:8: [Global] ca-file: the file has no certificate"}},
		{"key of another certificate", "cert-file=DIR/cert\nkey-file=DIR/other\n", []string{"error cloud.conf:8: [Global] cert-file: cert-file and key-file do not belong together, or are not PEM"}},
		{"missing key file", "cert-file=DIR/cert\nkey-file=DIR/no\n", []string{"error cloud.conf:9: [Global] key-file: cannot read the file"}},
		{"certificate alone", "cert-file=DIR/cert\n", []string{"error cloud.conf:1: [Global] key-file: cert-file has no key"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			env, dir := world(t, nil, files)
			_, report := config.Read(strings.NewReader(sound+strings.ReplaceAll(test.text, "DIR", dir)), "cloud.conf", env)
			expect(t, report, dir, test.want)
		})
	}
}

func TestEveryFileThatMattersIsWatched(t *testing.T) {
	cert, key := pair(t)
	env, dir := world(t, nil, map[string]string{
		"ca": cert, "cert": cert, "key": key,
		"cwd/clouds.yaml": `clouds: {it: {auth: {auth_url: "https://k/v3", user_id: u, project_id: p}, cacert: DIR/ca, cert: DIR/cert, key: DIR/key}}`,
		"cwd/secure.yaml": `clouds: {it: {auth: {password: p}}}`,
	})
	got, report := config.Read(strings.NewReader("[Global]\nuse-clouds\n"), "cloud.conf", env)
	expect(t, report, dir, nil)
	var want []string
	for _, name := range []string{"cwd/clouds.yaml", "cwd/secure.yaml", "ca", "cert", "key"} {
		want = append(want, filepath.Join(dir, name))
	}
	if diff := cmp.Diff(want, got.Global.WatchFiles); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
