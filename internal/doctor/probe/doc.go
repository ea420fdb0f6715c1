// Package probe has the real probes of the doctor: a PostgreSQL connection, the Event Socket, programs, ports, disk.
//
// `ramal doctor` makes them and hands them to package doctor, which judges. They ask and never change anything; what
// goes wrong comes back as an error with its cause.
package probe
