package live

import (
	"time"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/trace"
)

// Event is something that happened: what the user did, or what came in.
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

	// Scanned brings a prepared snapshot, and what share of a processor ipctop
	// itself took lately.
	Scanned struct {
		Data *Data
		CPU  model.Opt[float64]
	}

	// Glimpsed brings the processes alone, while the first snapshot is being taken.
	Glimpsed struct{ Data *Data }

	// Reading tells how many processes the first snapshot has been read of.
	Reading struct{ Done, Total int }

	// ScanFailed says why there is no snapshot.
	ScanFailed struct {
		At  time.Time
		Err string
	}

	// Saved says where the snapshot went, or why it did not.
	Saved struct {
		Path string
		Err  error
	}

	// Kept says where the setup went, or why it did not.
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

	// Traced brings the events, in the order of their time, that happened until At.
	Traced struct {
		At     time.Time
		Events []*trace.Event
		More   int                    // so many before them are left out
		Lost   uint64                 // so many could not be read
		Cost   model.Opt[model.Ratio] // of all processors' time, where it was measured anew
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

// Effect is something that the model asks for and cannot do itself.
type Effect interface{ effect() }

type (
	// Quit ends the view.
	Quit struct{}

	// Suspend gives the terminal back and stops the process (Ctrl-Z).
	Suspend struct{}

	// Redraw draws every cell anew, whatever the terminal shows.
	Redraw struct{}

	// Pause stops or resumes scanning.
	Pause struct{ On bool }

	// Rates has snapshots say how much goes through each object, or no more;
	// [RatesSet] comes back.
	Rates struct{ On bool }

	// Trace has events told of while they happen, or no more; [TraceSet] comes back, and
	// [Traced] each time that something has happened.
	Trace struct{ On bool }

	// Save writes a snapshot to a file; [Saved] comes back.
	Save struct{ Snapshot *model.Snapshot }

	// Copy gives the terminal a text for its clipboard. It holds no control
	// characters.
	Copy struct{ Text string }

	// Aim takes hold of processes, so that their pids cannot become those of others
	// while the user chooses; [Aimed] comes back. LetGo ends that.
	Aim struct{ Targets []Ident }

	// LetGo lets go of what [Aim] holds.
	LetGo struct{}

	// Fire sends a signal to what [Aim] holds, and lets go; [Done] comes back.
	Fire struct{ Signal, What string }

	// Remove removes an object that nobody uses; [Done] comes back.
	Remove struct {
		Object *model.Object
		What   string
	}

	// Work is a computation that may take long. It touches nothing that changes,
	// so it may run in any goroutine; its event goes to [Update].
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
