package contract_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"os"
	"testing"
	"time"
)

// secret stores a payload in Barbican and gives its reference; it is removed at the end.
func (c *cloud) secret(t *testing.T, spec obj) string {
	t.Helper()
	spec["name"] = "contract-" + unique()
	return c.stored(t, "/v1/secrets", "secret_ref", spec)
}

func (c *cloud) stored(t *testing.T, path, field string, spec obj) string {
	t.Helper()
	ref := c.call(t, http.MethodPost, "key-manager", path, spec).want(t, http.StatusCreated).text(field)
	t.Cleanup(func() {
		if got := c.cleanup(http.MethodDelete, ref); got != http.StatusNoContent && got != http.StatusNotFound {
			t.Errorf("delete %s: got %d, want 204", ref, got)
		}
	})
	return ref
}

// bundle stores a PKCS #12 file without a pass phrase. It was made by
//
//	openssl req -x509 -newkey rsa:2048 -nodes -days 36500 -subj /CN=contract.example -keyout key.pem -out certificate.pem
//	openssl pkcs12 -export -inkey key.pem -in certificate.pem -passout pass: -out certificate.p12
func (c *cloud) bundle(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile("testdata/certificate.p12")
	if err != nil {
		t.Fatal(err)
	}
	return c.secret(t, obj{"payload": base64.StdEncoding.EncodeToString(data), "payload_content_type": "application/octet-stream", "payload_content_encoding": "base64"})
}

// certificate stores a certificate and its key as two secrets in a container.
func (c *cloud) certificate(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "contract.example"}, NotBefore: time.Now(), NotAfter: time.Now().AddDate(1, 0, 0)}
	public, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text := func(kind string, data []byte) string {
		return c.secret(t, obj{"payload": string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: data})), "payload_content_type": "text/plain"})
	}
	return c.stored(t, "/v1/containers", "container_ref", obj{"name": "contract-" + unique(), "type": "certificate", "secret_refs": []obj{
		{"name": "certificate", "secret_ref": text("CERTIFICATE", public)}, {"name": "private_key", "secret_ref": text("PRIVATE KEY", private)},
	}})
}

// terminated is the spec of a TLS listener, with one field more.
func terminated(ref, name string, value any) obj {
	return onPort443(obj{"default_tls_container_ref": ref, name: value})
}

func onPort443(spec obj) obj {
	spec["protocol"], spec["protocol_port"] = "TERMINATED_HTTPS", 443
	return spec
}

var tlsCases = []contractCase{
	{"barbican/a secret is kept, read, and gone", func(t *testing.T, c *cloud) {
		ref := c.bundle(t)
		a := c.send(t, http.MethodGet, ref, nil, "X-Auth-Token: "+c.token).want(t, http.StatusOK)
		a.field(t, "secret_ref", ref)
		a.field(t, "status", "ACTIVE")
		a.field(t, "content_types", obj{"default": "application/octet-stream"})
		data := c.send(t, http.MethodGet, ref+"/payload", nil, "X-Auth-Token: "+c.token, "Accept: application/octet-stream").want(t, http.StatusOK)
		if want, err := os.ReadFile("testdata/certificate.p12"); err != nil || string(data.raw) != string(want) {
			t.Errorf("payload: got %d bytes, want the %d that were stored (%v)", len(data.raw), len(want), err)
		}
		c.send(t, http.MethodDelete, ref, nil, "X-Auth-Token: "+c.token).want(t, http.StatusNoContent)
		c.send(t, http.MethodGet, ref, nil, "X-Auth-Token: "+c.token).want(t, http.StatusNotFound).field(t, "code", http.StatusNotFound)
		challenged(t, c.send(t, http.MethodGet, ref, nil))
	}},
	{"tls/TLS ends at the listener: a PKCS #12 secret, defaults, and what changes", func(t *testing.T, c *cloud) {
		ref := c.bundle(t)
		b := c.balancer(t, obj{"listeners": []obj{onPort443(obj{"default_tls_container_ref": ref, "default_pool": tcpPool(443, obj{"protocol": "HTTP"})})}})
		path := "/listeners/" + b.active(t).text("loadbalancer.listeners.0.id")
		a := c.octavia(t, http.MethodGet, path, nil).want(t, http.StatusOK)
		a.field(t, "listener.default_tls_container_ref", ref)
		a.field(t, "listener.tls_versions", []string{"TLSv1.2", "TLSv1.3"})
		a.field(t, "listener.alpn_protocols", []string{"h2", "http/1.1", "http/1.0"})
		a.field(t, "listener.hsts_max_age", nil)
		if a.text("listener.tls_ciphers") == "" {
			t.Error("tls_ciphers: got none, want the operator's")
		}
		change := func(spec obj) answer {
			t.Helper()
			return b.do(t, http.MethodPut, path, obj{"listener": spec})
		}
		changed := change(obj{"tls_versions": []string{"TLSv1.3"}, "alpn_protocols": []string{"http/1.1", "h2"}, "tls_ciphers": "ECDHE-RSA-AES128-GCM-SHA256", "hsts_max_age": 100, "hsts_include_subdomains": true, "hsts_preload": true})
		for field, want := range map[string]any{
			"tls_versions": []string{"TLSv1.3"}, "alpn_protocols": []string{"http/1.1", "h2"}, "tls_ciphers": "ECDHE-RSA-AES128-GCM-SHA256", "hsts_max_age": 100, "hsts_include_subdomains": true, "hsts_preload": true,
		} {
			changed.field(t, "listener."+field, want)
		}
		reset := change(obj{"tls_versions": nil, "alpn_protocols": nil, "tls_ciphers": nil, "hsts_max_age": nil})
		for _, field := range []string{"tls_versions", "alpn_protocols", "tls_ciphers"} {
			reset.field(t, "listener."+field, a.at("listener."+field))
		}
		reset.field(t, "listener.hsts_max_age", nil)
		reset.field(t, "listener.hsts_preload", true) // it stays, without meaning
		change(obj{"insert_headers": obj{"X-Forwarded-Proto": "true", "X-SSL-Client-Verify": "true"}})
		for spec, text := range map[string]string{
			`{"tls_versions": ["TLSv9"]}`: "Invalid TLS versions: TLSv9", `{"tls_versions": []}`: "Empty TLS version list", `{"alpn_protocols": ["spdy"]}`: "valid ALPN protocol ID",
			`{"alpn_protocols": []}`: "Empty ALPN protocol list", `{"hsts_max_age": -1}`: "greater or equal to 0", `{"hsts_preload": true}`: "hsts_max_age was not set",
		} {
			c.octavia(t, http.MethodPut, path, `{"listener": `+spec+`}`).refusal(t, http.StatusBadRequest, text)
		}
	}},
	{"tls/more certificates by SNI, from containers too", func(t *testing.T, c *cloud) {
		first, second := c.bundle(t), c.certificate(t)
		b := c.balancer(t, nil)
		path := "/listeners/" + b.listener(t, onPort443(obj{"sni_container_refs": []string{first}})).text("listener.id") // SNI alone is enough
		b.do(t, http.MethodPut, path, obj{"listener": obj{"default_tls_container_ref": second, "sni_container_refs": []string{first, second}}}).
			field(t, "listener.sni_container_refs", []string{second, first}) // by text: containers are before secrets
		b.do(t, http.MethodPut, path, obj{"listener": obj{"sni_container_refs": []string{}}}).field(t, "listener.sni_container_refs", []string{})
		for protocol, valid := range map[string]bool{"TCP": false, "HTTP": true, "HTTPS": false, "PROXYV2": true} {
			pool := b.pool(t, obj{"protocol": protocol}).text("pool.id")
			a := c.octavia(t, http.MethodPut, path, obj{"listener": obj{"default_pool_id": pool}})
			if !valid {
				a.refusal(t, http.StatusBadRequest, "is invalid while the listener protocol is 'TERMINATED_HTTPS'")
				continue
			}
			a.want(t, http.StatusOK)
			b.active(t)
		}
	}},
	{"tls/what is no certificate", func(t *testing.T, c *cloud) {
		good := c.bundle(t)
		text := c.secret(t, obj{"payload": "nonsense", "payload_content_type": "text/plain"})
		b := c.balancer(t, nil)
		nowhere := c.catalog["key-manager"] + "/v1/secrets/" + nobody
		for _, tc := range []struct {
			spec obj
			text string
		}{
			{onPort443(obj{"default_tls_container_ref": text}), "The PKCS12 bundle is unreadable."},
			{terminated(good, "sni_container_refs", []string{text}), "The PKCS12 bundle is unreadable."},
			{onPort443(obj{"default_tls_container_ref": nowhere}), fmt.Sprintf("Could not retrieve certificate: ['%s']", nowhere)},
			{onPort443(obj{"default_tls_container_ref": "nonsense"}), "Could not retrieve certificate: ['nonsense']"},
			{terminated(good, "hsts_preload", true), "only make sense if hsts_max_age is set"},
			{terminated(good, "tls_versions", []string{}), "Empty TLS version list"},
		} {
			c.octavia(t, http.MethodPost, "/listeners", obj{"listener": b.on(tc.spec)}).refusal(t, http.StatusBadRequest, tc.text)
		}
	}},
	{"tls/what only TLS needs is kept on an HTTP listener without a word, but for certificates and HSTS", func(t *testing.T, c *cloud) {
		b := c.balancer(t, nil)
		a := b.listener(t, obj{"protocol": "HTTP", "protocol_port": 80, "tls_versions": []string{"TLSv1.2"}, "alpn_protocols": []string{"h2"}})
		a.field(t, "listener.tls_versions", []string{"TLSv1.2"})
		a.field(t, "listener.alpn_protocols", []string{"h2"})
	}},
}
