// Package checkclean shows acceptance line A1: what a stranger does with a fresh clone works, twice, and the second
// time the data of the first is still there.
//
// Its tests clone the committed state into a temporary directory and drive it by make and by bin/ramal alone, as root
// and as an unprivileged user with an empty home, an empty build cache and its own downloads (from this machine's
// module cache, so that the network is no part of the test). They run in `make accept` and `make check-clean`;
// elsewhere they are skipped, because they build everything anew.
//
// What a failed run leaves behind is ended by process number: only processes whose directory or program is in the
// clone.
package checkclean
