package live

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/render"
)

// overview is what the first screen shows below the problems. Everything comes from the
// snapshot: the screen does not read anything itself.
type overview struct {
	blocked, idle, running model.Opt[int] // threads
	meters                 []meter
	fullest                []*model.Object
	busiest                []*model.Traffic
	services               []string // escaped
}

// meter shows how much of a limit is used.
type meter struct {
	name  string
	share float64
	text  string
	role  Role
}

// meterNames are the limits that always have a meter, in this order, with the meter's name.
// Other limits have a meter while they are nearly used up.
var meterNames = []struct{ limit, name string }{
	{"fs.file-max", "Files"},
	{"kernel.pid_max", "Processes"},
	{"/dev/shm size", "/dev/shm"},
	{"fs.pipe-user-pages-soft", "Pipe pages"},
	{"kernel.msgmni", "SysV queues"},
	{"kernel.sem.semmni", "SysV semaphores"},
	{"kernel.shmmni", "SysV segments"},
	{"fs.mqueue.queues_max", "POSIX queues"},
	{"kernel.pty.max", "Terminals"},
	{"fs.inotify.max_user_watches", "Inotify watches"},
	{"fs.inotify.max_user_instances", "Inotify instances"},
}

// maxFullest is the number of the fullest channels that are shown, and leastFill how full a
// channel must be: a few bytes in transit do not count.
const (
	maxFullest = 5
	leastFill  = 0.01
)

// summarize makes the overview of a snapshot, in time proportional to its size. last is the
// overview before if the links are still the same, else nil.
func summarize(d *Data, last *overview) overview {
	o := overview{meters: meters(d.Snap.Limits)}
	o.countThreads(d.Snap)
	o.fullest = slices.Clone(d.filled)
	slices.SortStableFunc(o.fullest, func(a, b *model.Object) int { return cmp.Compare(b.Fill.Or(0), a.Fill.Or(0)) })
	o.fullest = slices.DeleteFunc(o.fullest[:min(len(o.fullest), maxFullest)], func(x *model.Object) bool { return x.Fill.Or(0) < leastFill })
	o.busiest = busiest(d.Snap.Traffic)
	if last != nil {
		o.services = last.services
	} else {
		o.services = services(d)
	}
	return o
}

func (o *overview) countThreads(s *model.Snapshot) {
	running := 0
	for i := range s.Processes {
		if p := s.Processes[i]; !p.Kernel && !s.Own(p) {
			if len(p.ThreadList) == 0 && p.State == "R" {
				running++
			}
			for i := range p.ThreadList {
				if p.ThreadList[i].State == "R" {
					running++
				}
			}
		}
	}
	o.running = model.Some(running)
	if s.Waits == nil {
		return
	}
	blocked, idle := 0, 0
	for i := range s.Waits {
		switch w := &s.Waits[i]; {
		case w.Idle || w.Needs == model.NeedsTime:
			idle++
		case w.Confirmed:
			blocked++
		}
	}
	o.blocked, o.idle = model.Some(blocked), model.Some(idle)
}

// meters returns the meters of the whole machine's limits, and of all other limits that are
// nearly used up. If several have the same limit, only the fullest is shown. Unused limits
// come last.
func meters(limits []model.Limit) []meter {
	var list []meter
	rank := func(name string) int {
		for i, n := range meterNames {
			if n.limit == name {
				return i
			}
		}
		return -1
	}
	worst := map[string]*model.Limit{}
	var order []string
	for i := range limits {
		l := &limits[i]
		share, known := l.Share().Get()
		if !known || rank(l.Name) < 0 && !l.Near() {
			continue
		}
		if w := worst[l.Name]; w == nil {
			worst[l.Name] = l
			order = append(order, l.Name)
		} else if share > w.Share().Or(0) {
			worst[l.Name] = l
		}
	}
	slices.SortStableFunc(order, func(a, b string) int {
		near := func(l *model.Limit) int {
			if l.Near() {
				return 0
			}
			return 1
		}
		unused := func(l *model.Limit) int {
			if l.Used.Or(0) == 0 {
				return 1
			}
			return 0
		}
		return cmp.Or(near(worst[a])-near(worst[b]), unused(worst[a])-unused(worst[b]), rank(a)-rank(b))
	})
	for _, name := range order {
		l := worst[name]
		m := meter{name: name, share: float64(l.Share().Or(0)), text: render.LimitShare(l)}
		if r := rank(name); r >= 0 {
			m.name = meterNames[r].name
		}
		switch {
		case l.Full():
			m.role = Critical
		case l.Near():
			m.role = Warn
		}
		list = append(list, m)
	}
	return list
}

// The look of a meter.
const (
	meterWidth = 10
	meterSpace = 3
)

// line draws a meter: Files [████······] 31%.
func (m meter) line(ascii bool) Line {
	full, empty := "█", "·"
	if ascii {
		full, empty = "#", "."
	}
	n := min(int(m.share*meterWidth+0.5), meterWidth)
	if n == 0 && m.share > 0.02 {
		n = 1
	}
	l := text(Normal, m.name+" ")
	role := m.role
	if role == Normal {
		role = KeyName
	}
	l.add(Dim, "[")
	l.add(role, strings.Repeat(full, n))
	l.add(Dim, strings.Repeat(empty, meterWidth-n)+"]")
	l.add(m.role, " "+m.text)
	return l
}

// overviewLines returns the lines below the problems: threads, meters, the fullest objects,
// who communicates with whom, and the last events.
func (m *Model) overviewLines(height, width int) []Line {
	d := m.data
	if d == nil || height <= 0 {
		return blank(nil, max(height, 0))
	}
	lines := []Line{crop(m.threadsLine(), 0, width, m.more())}
	lines = append(lines, m.meterLines(width, meterRows(height))...)
	// The remaining lines are divided among the parts; lines that a part does not need go
	// to the next one.
	parts := [][]Line{m.busiestLines(d), m.fullestLines(d), m.talkLines(d), m.eventLines()}
	left := height - len(lines)
	for i, part := range parts {
		if len(part) == 0 || left < 2 {
			continue
		}
		share := max(left/(len(parts)-i), 2)
		if i == len(parts)-1 {
			share = left
		}
		n := min(len(part), share)
		for _, l := range part[:n] {
			lines = append(lines, crop(l, 0, width, m.more()))
		}
		left -= n
	}
	return blank(lines, height)
}

// meterRows returns how many lines the meters may take.
func meterRows(height int) int { return max(height/5, 1) }

func (m *Model) threadsLine() Line {
	o := &m.data.overview
	l := text(Heading, " Threads ")
	add := func(name string, n model.Opt[int], role Role, history func(*overview) model.Opt[int]) {
		l.add(Normal, " "+name+" ")
		if s := m.trend(history); s != "" {
			l.add(Dim, s+" ")
		}
		v, ok := n.Get()
		if !ok {
			l.add(Dim, render.Unknown+" ")
			return
		}
		if v == 0 {
			role = Normal
		}
		l.add(role, strconv.Itoa(v)+" ")
	}
	add("blocked", o.blocked, Warn, func(o *overview) model.Opt[int] { return o.blocked })
	add("idle", o.idle, Normal, nil)
	add("running", o.running, Normal, func(o *overview) model.Opt[int] { return o.running })
	return l
}

// trend draws the values of a number in the last snapshots.
func (m *Model) trend(of func(*overview) model.Opt[int]) string {
	if of == nil {
		return ""
	}
	var values []model.Opt[float64]
	list := m.history.list[:max(len(m.history.list)-m.history.back, 0)]
	for _, d := range list[max(len(list)-trendWidth, 0):] {
		v := model.Opt[float64]{}
		if n, ok := of(&d.overview).Get(); ok {
			v = model.Some(float64(n))
		}
		values = append(values, v)
	}
	return sparkline(values, 1, m.settings.ASCII)
}

// trendWidth is the number of snapshots in a trend.
const trendWidth = 12

// meterLines returns the meters, as many as fit into rows lines.
func (m *Model) meterLines(width, rows int) []Line {
	var lines []Line
	var l Line
	for _, x := range m.data.overview.meters {
		cell := x.line(m.settings.ASCII)
		w := cell.Width()
		if l.Width() > 0 && l.Width()+meterSpace+w > width {
			if lines = append(lines, l); len(lines) == rows {
				return lines
			}
			l = Line{}
		}
		if l.Width() == 0 {
			l.add(Normal, " ")
		} else {
			l.add(Normal, strings.Repeat(" ", meterSpace))
		}
		l.Spans = append(l.Spans, cell.Spans...)
	}
	if l.Width() > 0 {
		lines = append(lines, crop(l, 0, width, m.more()))
	}
	return lines
}

func (m *Model) fullestLines(d *Data) []Line {
	if len(d.overview.fullest) == 0 {
		return nil
	}
	lines := []Line{text(Heading, " Fullest")}
	for _, o := range d.overview.fullest {
		l := text(Normal, "  ")
		name := string(o.Kind)
		if n := d.compactView.ObjectName(o); n != name && !repeatsID(o) {
			name += " " + strings.TrimPrefix(n, name+" ")
		}
		l.add(Normal, name)
		c := render.FillCell(o)
		l.add(roleOf(c.Role), " "+c.Text)
		if s := m.spark(row{object: o}); s != "" {
			l.add(Dim, " "+s)
		}
		l.add(Normal, "  "+d.compactView.Talk(o).Text)
		lines = append(lines, l)
	}
	return lines
}

func (m *Model) talkLines(d *Data) []Line {
	if len(d.overview.services) == 0 {
		return nil
	}
	lines := []Line{text(Heading, " Who talks with whom")}
	for _, s := range d.overview.services {
		lines = append(lines, text(Normal, "  "+s))
	}
	return lines
}

// eventLines returns the last entries of the log, the newest first.
func (m *Model) eventLines() []Line {
	if len(m.log) == 0 {
		return nil
	}
	lines := []Line{text(Heading, " Last events")}
	for i := 0; i < len(m.log) && len(lines) <= maxEvents; i++ {
		e := &m.log[i]
		l := text(Dim, "  "+m.data.clock(e.at)+" ")
		l.add(Normal, happenings[e.event].sign+" "+e.what)
		if e.who != "" {
			l.add(Dim, "  "+e.who)
		}
		lines = append(lines, l)
	}
	return lines
}

// maxEvents is the largest number of events that the overview shows.
const maxEvents = 10
