package report

import (
	"cmp"
	"fmt"
	"html/template"
	"slices"
	"strings"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/render"
)

// Communication is drawn as arcs beside a list of names: this stays readable with many names,
// and on a phone.
const (
	maxTalkers = 30
	talkRow    = 26
	arcRoom    = 150
	nameRoom   = 250
	talkChars  = 32
)

// talker stands for all processes with one name on one host.
type talker struct {
	name  string
	count int
	links int
}

// conversation has the channels between two talkers.
type conversation struct {
	a, b  int // indexes of the talkers
	kinds map[model.Kind]int
	total int
}

// talkersOf folds the links of a snapshot by name. An object that many processes share (a log
// file, a library) does not mean that each of them communicates with each other.
func talkersOf(x *model.Index) ([]talker, []conversation) {
	const crowd = 12
	places := map[string]int{}
	seen := map[int]bool{}
	var talkers []talker
	place := func(pid int, comm string) int {
		name := cmp.Or(x.Comm(pid), comm)
		at, ok := places[name]
		if !ok {
			at = len(talkers)
			places[name] = at
			talkers = append(talkers, talker{name: name})
		}
		if !seen[pid] {
			seen[pid] = true
			talkers[at].count++
		}
		return at
	}
	pairs := map[[2]int]*conversation{}
	for _, l := range x.Snapshot.Links {
		if l.Kind == model.File || len(l.From)*len(l.To) > crowd*crowd {
			continue
		}
		told := map[[2]int]bool{}
		for i, from := range l.From {
			for j, to := range l.To {
				if from == to {
					continue
				}
				a, b := place(from, at(l.FromComm, i)), place(to, at(l.ToComm, j))
				key := [2]int{min(a, b), max(a, b)}
				if told[key] {
					continue
				}
				told[key] = true
				c := pairs[key]
				if c == nil {
					c = &conversation{key[0], key[1], map[model.Kind]int{}, 0}
					pairs[key] = c
				}
				c.kinds[l.Kind]++
				c.total++
			}
		}
	}
	var list []conversation
	for _, c := range pairs {
		list = append(list, *c)
		talkers[c.a].links += c.total
		talkers[c.b].links += c.total
	}
	slices.SortFunc(list, func(a, b conversation) int { return cmp.Or(a.a-b.a, a.b-b.b) })
	return talkers, list
}

func at(list []string, i int) string {
	if i < len(list) {
		return list[i]
	}
	return ""
}

// ordered puts talkers that communicate next to each other: it starts with the busiest one, and
// puts the partners of each talker after it. It returns the indexes of the talkers to draw.
func ordered(talkers []talker, list []conversation) []int {
	partners := make([][]int, len(talkers))
	for _, c := range list {
		if c.a != c.b {
			partners[c.a], partners[c.b] = append(partners[c.a], c.b), append(partners[c.b], c.a)
		}
	}
	busiest := make([]int, len(talkers))
	for i := range busiest {
		busiest[i] = i
	}
	byLinks := func(a, b int) int {
		return cmp.Or(talkers[b].links-talkers[a].links, cmp.Compare(talkers[a].name, talkers[b].name))
	}
	slices.SortFunc(busiest, byLinks)
	var order []int
	reached := make([]bool, len(talkers))
	for _, start := range busiest {
		for next := []int{start}; len(next) > 0 && len(order) < maxTalkers; {
			i := next[0]
			next = next[1:]
			if reached[i] {
				continue
			}
			reached[i] = true
			order = append(order, i)
			more := slices.Clone(partners[i])
			slices.SortFunc(more, byLinks)
			next = append(more, next...)
		}
	}
	return order
}

// drawTalk draws who communicates with whom; "" if there is nothing to draw. left is the number
// of names that are left out.
func drawTalk(x *model.Index) (picture template.HTML, left int) {
	talkers, list := talkersOf(x)
	if len(list) == 0 {
		return "", 0
	}
	order := ordered(talkers, list)
	row := map[int]int{}
	for r, i := range order {
		row[i] = r
	}
	var d drawing
	y := func(r int) int { return 18 + r*talkRow }
	height := y(len(order)-1) + 18
	var words []string
	for _, c := range list {
		a, ok1 := row[c.a]
		b, ok2 := row[c.b]
		if !ok1 || !ok2 {
			continue
		}
		what := kindsOf(c.kinds)
		names := render.Escape(talkers[c.a].name) + " and " + render.Escape(talkers[c.b].name)
		words = append(words, names+" by "+what)
		title := template.HTMLEscapeString(names + ": " + what)
		wide := min(1+c.total/3, 5)
		if a == b { // several processes with the same name
			d.add(`<path class="arc" stroke-width="%d" d="M%d %d c-22 -9 -22 9 0 0"><title>%s</title></path>`, wide, arcRoom, y(a), title)
			continue
		}
		a, b = min(a, b), max(a, b)
		reach := 14 + (b-a)*(arcRoom-24)/max(len(order)-1, 8)
		d.add(`<path class="arc" stroke-width="%d" d="M%d %d C%d %d %d %d %d %d"><title>%s</title></path>`,
			wide, arcRoom, y(a), arcRoom-reach*4/3, y(a), arcRoom-reach*4/3, y(b), arcRoom, y(b), title)
	}
	for r, i := range order {
		name := render.Escape(talkers[i].name)
		if n := talkers[i].count; n > 1 {
			name += fmt.Sprintf(" ×%d", n)
		}
		d.add(`<circle class="dot" cx="%d" cy="%d" r="4"/>`, arcRoom, y(r))
		d.text(arcRoom+12, y(r)+5, "name", "start", name, talkChars)
	}
	const most = 60 // number of sentences: a screen reader reads them aloud
	if len(words) > most {
		words = append(words[:most], "and more")
	}
	return d.finish("talk", arcRoom+nameRoom, height, "Who communicates with whom", strings.Join(words, "; ")), len(talkers) - len(order)
}

// kindsOf counts mechanisms: 3 unix, 1 pipe.
func kindsOf(kinds map[model.Kind]int) string {
	var list []string
	for k, n := range kinds {
		list = append(list, fmt.Sprintf("%d %s", n, k))
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}
