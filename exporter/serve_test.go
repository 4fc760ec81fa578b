package exporter

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"
)

// freeAddress is an address of the loopback interface on which nobody listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// serve runs [Serve] until the test ends, and waits until it answers.
func serve(t *testing.T, h http.Handler, addresses []string, config string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- Serve(ctx, h, addresses, config, quiet) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("it ended with %v", err)
		}
	})
	for _, a := range addresses {
		for {
			c, err := net.Dial("tcp", a)
			if err == nil {
				_ = c.Close()
				break
			}
			select {
			case err := <-ended:
				ended <- err
				t.Fatal(err)
			case <-time.After(10 * time.Millisecond):
			}
		}
	}
}

func TestServe(t *testing.T) {
	addresses := []string{freeAddress(t), freeAddress(t)}
	serve(t, new(machine).exporter(t).Handler(quiet), addresses, "")
	for _, a := range addresses {
		r, err := http.Get("http://" + a + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		if body := readAll(t, r); !strings.Contains(body, "ipctop_processes 231") {
			t.Errorf("%s: %s", r.Status, body)
		}
	}
	if err := Serve(t.Context(), http.NotFoundHandler(), addresses[:1], "", quiet); err == nil {
		t.Error("two listen at one address")
	}
	if err := Serve(t.Context(), http.NotFoundHandler(), []string{"127.0.0.1:0"}, filepath.Join(t.TempDir(), "none"), quiet); err == nil {
		t.Error("a configuration that does not exist is ignored")
	}
}

// TestTLSAndUsers: with a configuration, nothing is served without the password, and
// nothing without TLS.
func TestTLSAndUsers(t *testing.T) {
	dir := t.TempDir()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	hash, err := bcrypt.GenerateFromPassword([]byte("test"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		"cert.pem": string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})),
		"key.pem":  string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})),
		"web.yml": "tls_server_config:\n  cert_file: cert.pem\n  key_file: key.pem\n" +
			"basic_auth_users:\n  prometheus: " + string(hash) + "\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	m := new(machine)
	address := freeAddress(t)
	serve(t, m.exporter(t).Handler(quiet), []string{address}, filepath.Join(dir, "web.yml"))
	roots := x509.NewCertPool()
	parsed, err := x509.ParseCertificate(cert)
	if err != nil {
		t.Fatal(err)
	}
	roots.AddCert(parsed)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	defer client.CloseIdleConnections()
	for _, tt := range []struct {
		password string
		want     int
	}{{"", http.StatusUnauthorized}, {"wrong", http.StatusUnauthorized}, {"test", http.StatusOK}} {
		for _, path := range []string{"/metrics", "/healthz"} {
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+address+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			if tt.password != "" {
				request.SetBasicAuth("prometheus", tt.password)
			}
			r, err := client.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			if readAll(t, r); r.StatusCode != tt.want {
				t.Errorf("%s with password %q: %s", path, tt.password, r.Status)
			}
		}
	}
	if r, err := http.Get("http://" + address + "/metrics"); err == nil {
		if body := readAll(t, r); r.StatusCode == http.StatusOK || strings.Contains(body, "ipctop_") {
			t.Errorf("in the clear: %s", r.Status)
		}
	}
	if m.scans != 1 {
		t.Errorf("%d scans: who has no password made ipctop scan", m.scans)
	}
}
