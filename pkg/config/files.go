package config

import (
	"crypto/tls"
	"crypto/x509"
	"slices"
)

// checkTLS checks the TLS settings of a [Global] section together with the
// files that they name, and lists the files to watch.
func (r *reader) checkTLS(b *block, g *Global) {
	switch {
	case g.TLSInsecure && g.CAFile != "":
		r.say(b, "tls-insecure", Warning, "certificates are not verified, so that ca-file has no effect", "remove the line: ca-file is enough")
	case g.TLSInsecure:
		r.say(b, "tls-insecure", Warning, "certificates are not verified: whoever is on the path can read the credentials",
			"write ca-file=PATH of the cloud's CA instead")
	}
	if ca := r.content(b, "ca-file", g.CAFile); ca != nil && !x509.NewCertPool().AppendCertsFromPEM(ca) {
		r.say(b, "ca-file", Error, "the file has no certificate", "it has to be in PEM format: -----BEGIN CERTIFICATE-----")
	}
	r.checkPair(b, g)
	for _, file := range append(b.watch, g.CAFile, g.CertFile, g.KeyFile) {
		if file != "" && !slices.Contains(g.WatchFiles, file) {
			g.WatchFiles = append(g.WatchFiles, file)
		}
	}
}

// checkPair checks that a client certificate and its key belong together.
func (r *reader) checkPair(b *block, g *Global) {
	switch {
	case g.CertFile != "" && g.KeyFile == "":
		r.say(b, "key-file", Error, "cert-file has no key", "write key-file=PATH as well")
	case g.CertFile == "" && g.KeyFile != "":
		r.say(b, "cert-file", Error, "key-file has no certificate", "write cert-file=PATH as well")
	}
	cert, key := r.content(b, "cert-file", g.CertFile), r.content(b, "key-file", g.KeyFile)
	if cert == nil || key == nil {
		return
	}
	if _, err := tls.X509KeyPair(cert, key); err != nil {
		r.say(b, "cert-file", Error, "cert-file and key-file do not belong together, or are not PEM", "check both files")
	}
}

// content reads a file that a key names; nil where it cannot be read, which
// it says, or where files are not looked at.
func (r *reader) content(b *block, key, file string) []byte {
	if file == "" || r.env.ReadFile == nil {
		return nil
	}
	text, err := r.env.ReadFile(file)
	if err != nil {
		r.say(b, key, Error, "cannot read the file: "+cause(err), "check the path and its permissions")
		return nil
	}
	if text == nil {
		return []byte{}
	}
	return text
}
