// Package web holds the browser application, embedded in the program.
//
// It decides how things look and read. Package api serves its files. For now it is one plain page without a build step:
// HTML, the design's tokens, one small module; the application with its own build comes later and takes its place.
//
// The page never decides what somebody may see or do (the server does), runs nothing inline (the
// Content-Security-Policy forbids it) and puts no text from outside into HTML: it only ever sets text.
//
// When the server does not answer, the page says since when its figures are old, and resynchronises by itself.
package web
