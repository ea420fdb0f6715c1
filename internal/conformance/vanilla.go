package conformance

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// recordedDirectory is the SIP user of the recordings.
const recordedDirectory = `<include>
  <domain name="127.0.0.1">
    <params>
      <param name="dial-string" value="` +
	"{^^:sip_invite_domain=${dialed_domain}:presence_id=${dialed_user}@${dialed_domain}}" +
	`${sofia_contact(*/${dialed_user}@${dialed_domain})}"/>
    </params>
    <groups><group name="default"><users>
      <user id="1001" number-alias="1001">
        <params><param name="password" value="1234"/></params>
        <variables>
          <variable name="user_context" value="default"/>
          <variable name="effective_caller_id_name" value="Agent 1001"/>
          <variable name="effective_caller_id_number" value="1001"/>
        </variables>
      </user>
    </users></group></groups>
  </domain>
</include>
`

// recordedDialplan is the dialplan of the recordings (testdata/esl/peers/README.md).
const recordedDialplan = `<include>
  <context name="public">
    <extension name="moh"><condition field="destination_number" expression="^9664$">
      <action application="answer"/>
      <action application="playback" data="local_stream://moh"/>
    </condition></extension>
    <extension name="park"><condition>
      <action application="park"/>
    </condition></extension>
  </context>
</include>
`

const recordedMusic = `<configuration name="local_stream.conf" description="music on hold">
  <directory name="moh" path="%s">
    <param name="rate" value="8000"/><param name="channels" value="1"/>
    <param name="interval" value="20"/><param name="timer-name" value="soft"/>
  </directory>
</configuration>
`

// likeRecorded turns a configuration rendered by freeswitch-conf into what the recordings were made with: FreeSWITCH's
// own ("vanilla") as far as calls can tell. Its dialplan parks or plays music, api_expansion is on, nothing is
// forbidden.
func likeRecorded(confDir, directoryFile, musicDir string) error {
	edit := func(name string, change func(string) string) error {
		path := filepath.Join(confDir, name)
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		changed := change(string(text))
		if changed == string(text) {
			return fmt.Errorf("make %s like the recorded switch: nothing to change was found", name)
		}
		return os.WriteFile(path, []byte(changed), 0o600)
	}
	steps := []func() error{
		func() error {
			return edit("autoload_configs/switch.conf.xml", func(s string) string {
				head, _, _ := strings.Cut(s, "<interface-allowlist>")
				_, tail, _ := strings.Cut(s, "</interface-allowlist>")
				return strings.Replace(head, `name="api-expansion" value="false"`, `name="api-expansion" value="true"`, 1) + tail
			})
		},
		func() error {
			return edit("autoload_configs/modules.conf.xml", func(s string) string {
				return strings.Replace(s, "<modules>",
					`<modules><load module="mod_local_stream"/><load module="mod_hash"/>`, 1)
			})
		},
		func() error { return edit("dialplan/public.xml", func(string) string { return recordedDialplan }) },
		func() error {
			return edit("sip_profiles/external.xml", func(s string) string {
				s = strings.Replace(s, `name="send-display-update" value="false"`, `name="send-display-update" value="true"`, 1)
				return strings.Replace(s, `name="disable-transfer" value="true"`, `name="disable-transfer" value="false"`, 1)
			})
		},
		func() error {
			return edit("sip_profiles/internal.xml", func(s string) string {
				return strings.Replace(s, `name="sip-force-expires-min" value="600"`, `name="sip-force-expires-min" value="60"`, 1)
			})
		},
		func() error {
			return os.WriteFile(filepath.Join(confDir, "autoload_configs/local_stream.conf.xml"),
				[]byte(fmt.Sprintf(recordedMusic, musicDir)), 0o600)
		},
		func() error { return os.WriteFile(directoryFile, []byte(recordedDirectory), 0o600) },
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return fmt.Errorf("make configuration like the recorded switch: %w", err)
		}
	}
	return nil
}
