package freeswitchtest

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// certificate is the key and certificate that FreeSWITCH makes at its first start when it finds none. It accepts RSA of
// 4096 bits only, and making it is most of a start's time (about 4 s of CPU): all instances of a process share one.
var certificate = sync.OnceValues(func() ([]byte, error) {
	key, err := rsa.GenerateKey(rand.Reader, 4096)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	template := x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "freeswitchtest"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
	}
	signed, err := x509.CreateCertificate(rand.Reader, &template, &template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	out := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: signed})
	return append(out, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})...), nil
})

// writeCertificates puts the shared certificate where FreeSWITCH looks for its own.
func writeCertificates(certsDir string) error {
	content, err := certificate()
	if err != nil {
		return fmt.Errorf("make certificate: %w", err)
	}
	for _, name := range []string{"dtls-srtp.pem", "wss.pem"} {
		if err := os.WriteFile(filepath.Join(certsDir, name), content, 0o600); err != nil {
			return fmt.Errorf("write certificate: %w", err)
		}
	}
	return nil
}
