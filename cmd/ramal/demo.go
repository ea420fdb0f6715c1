package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/alexedwards/argon2id"

	freeswitchconf "ramal/freeswitch-conf"

	"ramal/directory"
	"ramal/ivr"
	"ramal/media"
	"ramal/store"
)

// seedDemo makes the demonstration centre, with secrets that are kept in the installation's own file.
func seedDemo(ctx context.Context, db *store.DB, s *secrets, p places, domain string, lib media.Library) error {
	d := store.Demo{Hashes: map[directory.Email]string{}, HA1: map[string]directory.HA1{}, Reset: s.fresh}
	for _, a := range store.DemoAccounts() {
		word, made := ensure(s.Passwords, string(a.Email), 9)
		d.Reset = d.Reset || made
		hash, err := argon2id.CreateHash(word, argon2id.DefaultParams)
		if err != nil {
			return fmt.Errorf("hash a password: %w", err)
		}
		d.Hashes[a.Email] = hash
		if a.SIP == "" {
			continue
		}
		word, made = ensure(s.SIP, a.SIP, 9)
		d.Reset = d.Reset || made
		d.HA1[a.SIP] = directory.NewHA1(a.SIP, domain, word)
	}
	if err := s.save(p.secrets()); err != nil {
		return err
	}
	d.Render = func(ctx context.Context, q ivr.Prompt) (ivr.Prompt, error) {
		ref, err := lib.Ensure(ctx, q.Text, spoken(q.Voice))
		q.File = promptFile(ref)
		return q, err
	}
	_, err := db.SeedDemo(ctx, d)
	return err
}

// spoken is the synthesizer's name of a prompt's voice.
func spoken(voice string) string {
	if strings.HasPrefix(voice, "en") {
		return media.VoiceEnglish
	}
	return media.VoicePortuguese
}

// renderAll makes sure that every prompt of the published flows is there: the media directory may have been lost.
func renderAll(ctx context.Context, db *store.DB, lib media.Library) error {
	orgs, err := db.Orgs(ctx)
	if err != nil {
		return err
	}
	for _, org := range orgs {
		flows, err := db.Flows(ctx, org)
		if err != nil {
			return err
		}
		for _, f := range flows {
			_, err := f.Flow.Prompts(func(node string, q ivr.Prompt) (ivr.Prompt, error) {
				if q.Text == "" {
					return q, nil
				}
				if _, err := lib.Ensure(ctx, q.Text, spoken(q.Voice)); err != nil {
					return q, fmt.Errorf("prompt of node %s: %w", node, err)
				}
				return q, nil
			})
			if err != nil {
				return fmt.Errorf("flow %s: %w", f.ID, err)
			}
		}
	}
	return nil
}

// writeDirectory writes the file of SIP users that the switch reads.
func writeDirectory(ctx context.Context, db *store.DB, path, domain string) error {
	exts, err := db.AllExtensions(ctx)
	if err != nil {
		return err
	}
	users := make([]freeswitchconf.User, 0, len(exts))
	for _, e := range exts {
		users = append(users, freeswitchconf.User{Name: e.SIP, A1Hash: string(e.HA1)})
	}
	return freeswitchconf.WriteDirectory(path, domain, users)
}

// promptFile is where the library keeps a prompt, below the media directory, as flows name it.
func promptFile(ref string) string { return "prompts/" + ref + ".wav" }
