package trace

// Existence describes an object that was created or removed. The event's sender did it. For a
// removed object, the target is the process that created it, if the trace saw that.
type Existence struct {
	Of  string `json:"kind" doc:"the kind of the object"`
	Key string `json:"key" doc:"of System V objects: the key as ipcs shows it, where it is known"`

	From string `json:"-"` // of a file made by link(2): the path that it was linked from
}

// maxCreated limits for how many objects their creator is remembered.
const maxCreated = 1 << 14

// createdObjects are the objects that were created since the trace began and are not removed yet.
type createdObjects struct {
	byName map[string]*Event              // by path; System V objects by id
	order  []string                       // keys of byName, the oldest first
	by     map[processKey]map[string]bool // keys of byName, by the process that created the object
}

// objectKey is the key of the event's object in createdObjects.
func (e *Event) objectKey() string {
	if e.Path != "" {
		return e.Of + " " + e.Path
	}
	return e.Of + " " + e.Object
}

// mayBeTemporary reports whether a new object may be only a temporary step: C libraries create a
// semaphore under a meaningless name and then give it its real name.
func (e *Event) mayBeTemporary() bool {
	return e.From == "" && (e.Of == "posix-shm" || e.Of == "posix-sem")
}

// Existence adds an event of an object that was created or removed.
func (j *Joiner) Existence(e *Event) {
	if j.created.complete(e) {
		j.Add(e)
	}
}

// complete adds to an event what is known of its object. It reports whether the event is to be reported.
func (m *createdObjects) complete(e *Event) bool {
	name := e.objectKey()
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
		return false // another thread opened it while it was being created
	}
	if e.From != "" {
		for _, kind := range []string{"posix-shm", "posix-sem"} {
			source := m.byName[kind+" "+e.From]
			if source == nil {
				continue
			}
			e.Object = source.Object
			if source.pending { // not reported yet
				source.pending, source.dropped = false, true
			}
		}
	}
	e.pending = e.mayBeTemporary()
	m.add(name, e)
	return true
}

// CreatedBefore adds an event of an object that was created before the trace began.
func (j *Joiner) CreatedBefore(e *Event) { j.created.add(e.objectKey(), e) }

func (m *createdObjects) add(name string, e *Event) {
	if m.byName == nil {
		m.byName, m.by = map[string]*Event{}, map[processKey]map[string]bool{}
	}
	m.remove(name)
	m.byName[name] = e
	m.order = append(m.order, name)
	if len(m.order) > maxCreated {
		m.remove(m.order[0])
		m.order = m.order[1:]
	}
	key := e.Sender.key()
	if m.by[key] == nil {
		m.by[key] = map[string]bool{}
	}
	m.by[key][name] = true
}

func (m *createdObjects) remove(name string) {
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
