// Package pgcluster keeps a private PostgreSQL cluster for a checkout of Ramal.
//
// It decides where the cluster lives, which PostgreSQL binaries run it, as which user, on which port and with which
// roles: `ramal_owner` for migrations and `ramal_app`, without BYPASSRLS, for everything else. cmd/ramal calls it when
// no DATABASE_URL is given; tests call [ForTest]. Each has databases of its own.
//
// It never runs PostgreSQL as root, never listens anywhere but on 127.0.0.1 and a socket in the cluster's own
// directory, never touches a cluster that it did not make, and signals a process only after it has seen that the
// process runs in this cluster's data directory. When PostgreSQL does not come up, the error ends with the last lines
// of its log. A cluster survives the process that started it (kill -9 of the core must not take the database along):
// the next Start finds it again.
package pgcluster
