// Package report will define every figure that a screen or an export shows (service level, average speed of answer,
// handling and occupancy times, Erlang formulas): one pure function per metric, with its formula, unit and edge rules.
//
// Nothing is here yet. Its callers will be control, store and api. It will never query: the rows come as arguments,
// so that a figure on a wall and the same figure in a file cannot differ.
package report
