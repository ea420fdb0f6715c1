// Package freeswitchtest starts a real FreeSWITCH of its own for a test: configured by freeswitch-conf, on free
// loopback ports, everything it writes in a temporary directory. Several instances run side by side.
//
// It is called by tests and by "make bench"; where no FreeSWITCH is named by the environment variable RAMAL_FREESWITCH
// (an install prefix, with bin/freeswitch), Start skips the test. Launch is the same without a *testing.T.
//
// It never touches a FreeSWITCH that it did not start, and ends its own by process id: a FreeSWITCH also dies with the
// process that started it. A FreeSWITCH that does not come up is an error that carries the end of its log.
package freeswitchtest
