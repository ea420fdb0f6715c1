// Package sim will hold worlds of callers, agents, carriers and faults on a virtual clock, and the baselines and
// solvers that the routing and the dialer are measured against.
//
// Nothing is here yet. It will drive the pure packages as control does; none of them will ever import it.
package sim
