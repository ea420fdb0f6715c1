package api

import (
	"context"
	"fmt"
	"runtime"

	"github.com/alexedwards/argon2id"

	"ramal/call"
)

// argon is the cost of a password's hash: 19 MiB and two passes, a choice that OWASP's Password Storage Cheat Sheet
// gives for argon2id, so that some sign-ins at once do not take a small machine's memory.
var argon = argon2id.Params{Memory: 19 * 1024, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}

// HashPassword makes the argon2id hash, in PHC form, that the store keeps.
func HashPassword(password string) (string, error) {
	hash, err := argon2id.CreateHash(password, &argon)
	if err != nil {
		return "", fmt.Errorf("hash password: %w", err)
	}
	return hash, nil
}

// hasher compares passwords, a few at a time.
type hasher struct {
	places chan struct{}
	dummy  string // compared with when there is no account, so that the time tells nothing
}

func newHasher() (*hasher, error) {
	dummy, err := HashPassword("nobody has this password")
	if err != nil {
		return nil, err
	}
	return &hasher{places: make(chan struct{}, 2*runtime.NumCPU()), dummy: dummy}, nil
}

// matches says whether the password belongs to the hash. An empty hash matches nothing and costs the same.
func (h *hasher) matches(ctx context.Context, password, hash string) (bool, error) {
	select {
	case h.places <- struct{}{}:
		defer func() { <-h.places }()
	case <-ctx.Done():
		return false, call.Errorf(call.Unavailable, "too many sign-ins at once")
	}
	against := hash
	if against == "" {
		against = h.dummy
	}
	ok, err := argon2id.ComparePasswordAndHash(password, against)
	if err != nil {
		return false, fmt.Errorf("compare password: %w", err)
	}
	return ok && hash != "", nil
}
