package directory_test

import (
	"encoding/json"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"ramal/call"
	"ramal/directory"
)

func TestAnEmailAddressIsNormalisedOrRefused(t *testing.T) {
	for in, want := range map[string]string{
		" Ana.Lemos@Example.COM ":                "ana.lemos@example.com",
		"josé@exemplo.com.br":                    "josé@exemplo.com.br",
		"a+b@x-y.io":                             "a+b@x-y.io",
		"":                                       "",
		"ana":                                    "",
		"ana@localhost":                          "",
		"ana@@example.com":                       "",
		"a b@example.com":                        "",
		"ana@example..com":                       "",
		"ana@-example.com":                       "",
		".ana@example.com":                       "",
		"an..a@example.com":                      "",
		"<ana@example.com>":                      "",
		"ana\n@example.com":                      "",
		strings.Repeat("a", 65) + "@example.com": "",
		"a@" + strings.Repeat("a.", 130) + "com": "",
	} {
		got, err := directory.ParseEmail(in)
		if string(got) != want || (err == nil) != (want != "") {
			t.Errorf("ParseEmail(%q) = %q, %v; want %q", in, got, err, want)
		}
		if err != nil && call.CodeOf(err) != call.Invalid {
			t.Errorf("ParseEmail(%q): code %s", in, call.CodeOf(err))
		}
	}
}

func TestAPasswordNeedsTenCharactersOfThreeClasses(t *testing.T) {
	for in, ok := range map[string]bool{
		"Abcdefghi1": true, "abcdefgh1!": true, "ABCDEFGH1!": true, "ção Paulo 1": true,
		"Abcdefgh1": false, "abcdefghij": false, "abcdefghi1": false, "ABCDEFGHIJ": false, "1234567890": false,
		"": false, "Ab1" + strings.Repeat("x", 126): false, "Abcdefg1\xff\xff": false,
	} {
		if err := directory.CheckPassword(in); (err == nil) != ok {
			t.Errorf("CheckPassword(%q) = %v, want allowed: %v", in, err, ok)
		}
	}
}

func TestAProtocolNumberIsTheDayAndASequence(t *testing.T) {
	zone := time.FixedZone("BRT", -3*3600)
	day := directory.ProtocolDay(time.Date(2026, 11, 23, 1, 0, 0, 0, time.UTC), zone)
	for n, want := range map[int]string{1: "20261122000001", 999999: "20261122999999", 1000000: "202611221000000"} {
		if got := directory.FormatProtocol(day, n); got != want {
			t.Errorf("protocol %d = %s, want %s", n, got, want)
		}
	}
	for s, ok := range map[string]bool{"20261122": true, "20261322": false, "2026-11-22": false, "": false} {
		if directory.ValidProtocolDay(s) != ok {
			t.Errorf("ValidProtocolDay(%q) = %v", s, !ok)
		}
	}
}

func TestEveryDefaultRoleHasOnlyKnownPermissionsAndNoOrganisationRoleReachesThePlatform(t *testing.T) {
	for _, g := range directory.DefaultRoles() {
		for _, p := range g.Permissions {
			if !slices.Contains(directory.AllPermissions(), p) {
				t.Errorf("role %s has unknown permission %s", g.Role, p)
			}
			if strings.HasPrefix(string(p), "platform.") != (g.Role == directory.RolePlatform) && p != directory.OwnProfile {
				t.Errorf("role %s has permission %s", g.Role, p)
			}
		}
		if !slices.Contains(g.Permissions, directory.OwnProfile) {
			t.Errorf("role %s cannot see itself", g.Role)
		}
	}
}

func TestAScopeNeedsAnOrganisationAndAnActor(t *testing.T) {
	const id = "0192a000-0000-7000-8000-000000000001"
	for _, c := range []struct {
		org, actor string
		ok         bool
	}{{id, directory.System, true}, {id, id, true}, {"", id, false}, {id, "", false}, {"x' --", id, false},
		{id, "root", false}} {
		s, err := directory.NewScope(call.OrgID(c.org), c.actor)
		if (err == nil) != c.ok || s.Valid() != c.ok {
			t.Errorf("NewScope(%q, %q) = %v, %v", c.org, c.actor, s, err)
		}
	}
}

func TestATokenCarriesItsOrganisationAndIsKeptAsAHash(t *testing.T) {
	const org = "0192a000-0000-7000-8000-000000000001"
	secret := strings.Repeat("x", 43)
	got, hash, ok := directory.NewToken(org, secret).Split()
	_, again, _ := directory.NewToken(org, secret).Split()
	if !ok || got != org || hash != again || hash == [32]byte{} {
		t.Errorf("Split = %q, %x, %v", got, hash, ok)
	}
	for _, bad := range []directory.Token{"", "x", org, org + ".short", "'." + directory.Token(secret)} {
		if _, _, ok := bad.Split(); ok {
			t.Errorf("token %q was accepted", string(bad))
		}
	}
}

func TestSecretsDoNotReachALog(t *testing.T) {
	var out strings.Builder
	log := slog.New(slog.NewJSONHandler(&out, nil))
	ha1 := directory.NewHA1("1001", "ramal", "secret")
	log.Info("x", "ha1", ha1, "token", directory.Token("tok-en"), "email", directory.Email("ana@example.com"),
		"creds", directory.Credentials{Hash: "$argon2id$"})
	for _, secret := range []string{string(ha1), "tok-en", "ana@", "argon2id"} {
		if strings.Contains(out.String(), secret) {
			t.Errorf("the log shows %q: %s", secret, out.String())
		}
	}
	if !json.Valid([]byte(out.String())) {
		t.Error("not JSON")
	}
}

func TestANumberIsMaskedButForItsLastFourDigits(t *testing.T) {
	for in, want := range map[call.Number]string{"+5548999990001": "••••••••••0001", "1001": "••••", "": "", "12": "••"} {
		if got := directory.MaskNumber(in); got != want {
			t.Errorf("MaskNumber(%q) = %q, want %q", string(in), got, want)
		}
	}
}

func TestAnExtensionHasNothingThatMeansSomethingElsewhere(t *testing.T) {
	for s, ok := range map[string]bool{"1001": true, "ana.lemos": true, "a-b_c": true, "": false, "-a": false, "A": false,
		"a@b": false, "a%b": false, "a b": false, "a<": false, "${x}": false, strings.Repeat("a", 33): false} {
		if directory.ValidSIP(s) != ok {
			t.Errorf("ValidSIP(%q) = %v", s, !ok)
		}
	}
	// RFC 2617 section 3.5 gives the inputs and "939e7578ed9e3c518a452acee763bce9" as H(A1).
	got := directory.NewHA1("Mufasa", "testrealm@host.com", "Circle Of Life")
	if got != "939e7578ed9e3c518a452acee763bce9" {
		t.Errorf("HA1 = %s", string(got))
	}
}
