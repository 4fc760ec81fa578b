// Package live is the live view without a terminal: what is on the screen, what
// each key does, and how a new snapshot changes the picture.
//
// It is pure. [Update] takes a [Model] and an [Event] and returns the next model
// and the effects it asks for; [Lines] says what a terminal of some size shows,
// as spans of text with roles instead of colours. Time, snapshots and the size
// of the terminal come in as events; scanning, saving and ending are effects
// that package tui carries out. So every screen and every key can be tested as
// text.
//
// A snapshot is prepared ([Prepare]) where it was taken, in the scanner's
// goroutine. What takes more than a few milliseconds, such as sorting 100,000
// rows, is an effect too ([Work]): it runs elsewhere and comes back as an event,
// while the rows there are stay on the screen.
//
// # Growing it
//
// A screen is a line in screens, a key a line in bindings (help is made from
// the same table). A kind comes to its screen by its category.
package live
