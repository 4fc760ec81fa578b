package live

import (
	"time"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/trace"
)

// Event is something that happened: input from the user, or the result of an effect.
type Event interface{ event() }

type (
	// Resize says how large the terminal is.
	Resize struct{ Width, Height int }

	// Key is a key: the character itself, or a name as in bindings (Up, F4, Esc).
	Key struct{ Name string }

	// Paste is text the user pasted.
	Paste struct{ Text string }

	// Click is a press of the mouse's first button on a cell.
	Click struct{ X, Y int }

	// Wheel is a turn of the mouse's wheel; down is positive.
	Wheel struct{ Lines int }

	// Scanned brings a prepared snapshot, and the share of a processor that ipctop itself
	// used recently.
	Scanned struct {
		Data *Data
		CPU  model.Opt[float64]
	}

	// Glimpsed brings only the processes, while the first snapshot is being taken.
	Glimpsed struct{ Data *Data }

	// Reading says how many processes have been read for the first snapshot.
	Reading struct{ Done, Total int }

	// ScanFailed says why there is no snapshot.
	ScanFailed struct {
		At  time.Time
		Err string
	}

	// Saved says where the snapshot was saved, or why it was not.
	Saved struct {
		Path string
		Err  error
	}

	// Kept says where the setup was saved, or why it was not.
	Kept struct {
		Path string
		Err  error
	}

	// RatesSet says that [Rates] was done, or why not.
	RatesSet struct {
		On  bool
		Err error
	}

	// TraceSet says that [Trace] was done, or why not; also when the tracing ended by itself.
	TraceSet struct {
		On  bool
		Err error
	}

	// Traced brings the events that happened until At, in order of time.
	Traced struct {
		At     time.Time
		Events []*trace.Event
		More   int                    // number of earlier events that are left out
		Lost   uint64                 // number of events that could not be read
		Cost   model.Opt[model.Ratio] // share of all processors' time, if it was measured again
	}

	// Aimed says that the targets of [Aim] are held, or why not.
	Aimed struct{ Err error }

	// Done says how [Fire] or [Remove] ended.
	Done struct {
		What string // escaped
		Err  error
	}
)

func (Resize) event()     {}
func (Key) event()        {}
func (Paste) event()      {}
func (Click) event()      {}
func (Wheel) event()      {}
func (Scanned) event()    {}
func (Glimpsed) event()   {}
func (Reading) event()    {}
func (ScanFailed) event() {}
func (Saved) event()      {}
func (Kept) event()       {}
func (RatesSet) event()   {}
func (TraceSet) event()   {}
func (Traced) event()     {}
func (Aimed) event()      {}
func (Done) event()       {}

// Effect is something that the model asks for because it cannot do it itself.
type Effect interface{ effect() }

type (
	// Quit ends the view.
	Quit struct{}

	// Suspend restores the terminal and stops the process (Ctrl-Z).
	Suspend struct{}

	// Redraw draws every cell again, whatever the terminal shows.
	Redraw struct{}

	// Pause stops or resumes scanning.
	Pause struct{ On bool }

	// Rates switches the measurement of traffic in snapshots on or off; [RatesSet] comes
	// back.
	Rates struct{ On bool }

	// Trace switches the tracing of events on or off; [TraceSet] comes back, and then
	// [Traced] whenever something has happened.
	Trace struct{ On bool }

	// Save writes a snapshot to a file; [Saved] comes back.
	Save struct{ Snapshot *model.Snapshot }

	// Copy gives the terminal a text for its clipboard. The text has no control
	// characters.
	Copy struct{ Text string }

	// Aim opens pidfds of processes, so that a signal cannot reach other processes which
	// get the same pids while the user chooses; [Aimed] comes back. LetGo closes them.
	Aim struct{ Targets []Ident }

	// LetGo closes the pidfds of [Aim].
	LetGo struct{}

	// Fire sends a signal to the processes of [Aim], and closes the pidfds; [Done] comes
	// back.
	Fire struct{ Signal, What string }

	// Remove removes an object that nobody uses; [Done] comes back.
	Remove struct {
		Object *model.Object
		What   string
	}

	// Work is a computation that may take long. It uses only immutable data, so it may run
	// in any goroutine; its event goes to [Update].
	Work struct{ Run func() Event }
)

func (Quit) effect()    {}
func (Suspend) effect() {}
func (Redraw) effect()  {}
func (Pause) effect()   {}
func (Rates) effect()   {}
func (Trace) effect()   {}
func (Save) effect()    {}
func (Copy) effect()    {}
func (Aim) effect()     {}
func (LetGo) effect()   {}
func (Fire) effect()    {}
func (Remove) effect()  {}
func (Work) effect()    {}
