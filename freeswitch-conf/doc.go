// Package freeswitchconf writes the configuration directory of a FreeSWITCH that Ramal drives.
//
// It decides which modules, commands and applications such a switch has, where its sockets listen, and the dialplan
// that every arriving call meets: park for Ramal, with a dead man's switch that plays the fallback announcement when
// no Ramal takes the call within five seconds. The files are under conf/; what differs between two installations is
// in Settings and reaches three of them (vars.xml, event_socket.conf.xml, acl.conf.xml).
//
// It is called by "ramal freeswitch-conf" and by the tests that start a real FreeSWITCH. The file of SIP users is
// part of it (WriteDirectory), because its form is FreeSWITCH's.
//
// It never starts, stops or talks to a switch, and never keeps a password: GenerateESLPassword makes one, the caller
// stores it. Settings that FreeSWITCH's own preprocessor could read as something else are refused, not escaped;
// Render then writes nothing. An interrupted Render leaves files that the next one overwrites.
package freeswitchconf
