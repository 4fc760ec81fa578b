// Package live is the live view without a terminal: what is on the screen, what
// each key does, and how a new snapshot changes the picture.
//
// It is pure. [Update] takes a [Model] and an [Event] and returns the next model and the
// effects that it asks for; [Lines] returns what a terminal of some size shows, as spans
// of text with roles instead of colours. Time, snapshots and the size of the terminal
// come in as events; scanning, saving and ending are effects that package tui carries
// out. So every screen and every key can be tested as text.
//
// A snapshot is prepared ([Prepare]) in the scanner's goroutine. Work that takes more
// than a few milliseconds, such as sorting 100,000 rows, is also an effect ([Work]): it
// runs in another goroutine and its result comes back as an event; until then the old
// rows stay on the screen.
//
// # Extending it
//
// A screen is a line in screens, a key is a line in bindings (help is made from the same
// table). A kind's category decides on which screen it is shown.
package live
