package trace

// Existence is what an event tells of an object that was made or removed. Its sender did it; of
// what was removed the target made it, where the trace saw that.
type Existence struct {
	Of  string `json:"kind" doc:"the kind of the object"`
	Key string `json:"key" doc:"of System V objects: the key as ipcs shows it, where it is known"`

	From string `json:"-"` // of a file that got another name: the one that it had
}

// maxMade is of how many objects it is remembered who made them.
const maxMade = 1 << 14

// madeObjects are those that were made since the trace began and not removed.
type madeObjects struct {
	byName map[string]*Event              // by path, of System V by id
	order  []string                       // of byName, the oldest first
	by     map[processKey]map[string]bool // names in byName, by who made them
}

// madeAs is what an event's object is known by.
func (e *Event) madeAs() string {
	if e.Path != "" {
		return e.Of + " " + e.Path
	}
	return e.Of + " " + e.Object
}

// settles reports whether an object that was made may prove to be a step on the way to another:
// C libraries make a semaphore under a name of no meaning and then give it its own.
func (e *Event) settles() bool {
	return e.From == "" && (e.Of == "posix-shm" || e.Of == "posix-sem")
}

// Existence takes an event of an object that was made or removed.
func (j *Joiner) Existence(e *Event) {
	if j.made.take(e) {
		j.Add(e)
	}
}

// take completes an event by what is known of its object. It reports whether there is something
// to tell.
func (m *madeObjects) take(e *Event) bool {
	name := e.madeAs()
	known := m.byName[name]
	if e.Event == RemovedEvent {
		if known == nil {
			return true
		}
		m.remove(name)
		e.Object, e.Key, e.Target = known.Object, known.Key, known.Sender
		return !known.dropped
	}
	if known != nil && e.Object != "" && known.Object == e.Object {
		return false // another thread opened it while it was made
	}
	if e.From != "" {
		for _, kind := range []string{"posix-shm", "posix-sem"} {
			source := m.byName[kind+" "+e.From]
			if source == nil {
				continue
			}
			e.Object = source.Object
			if source.pending { // it has not been told of yet
				source.pending, source.dropped = false, true
			}
		}
	}
	e.pending = e.settles()
	m.add(name, e)
	return true
}

// MadeBefore takes an event of an object that was made before the trace began.
func (j *Joiner) MadeBefore(e *Event) { j.made.add(e.madeAs(), e) }

func (m *madeObjects) add(name string, e *Event) {
	if m.byName == nil {
		m.byName, m.by = map[string]*Event{}, map[processKey]map[string]bool{}
	}
	m.remove(name)
	m.byName[name] = e
	m.order = append(m.order, name)
	if len(m.order) > maxMade {
		m.remove(m.order[0])
		m.order = m.order[1:]
	}
	key := e.Sender.key()
	if m.by[key] == nil {
		m.by[key] = map[string]bool{}
	}
	m.by[key][name] = true
}

func (m *madeObjects) remove(name string) {
	e := m.byName[name]
	if e == nil {
		return
	}
	delete(m.byName, name)
	key := e.Sender.key()
	if delete(m.by[key], name); len(m.by[key]) == 0 {
		delete(m.by, key)
	}
}
