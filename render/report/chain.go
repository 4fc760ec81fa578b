package report

import (
	"fmt"
	"html/template"
	"strings"

	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/render"
)

// Sizes of a chain's picture, in pixels. The chain goes from top to bottom, so that it can
// be read on a phone.
const (
	chainWidth = 360
	boxWidth   = 300
	boxHeight  = 46
	boxGap     = 50
	boxLeft    = 14
	chainChars = 38 // number of characters that fit into a box
	maxBoxes   = 12
)

// box is a process in a chain.
type box struct {
	name, does string
	class      string
	through    string // what it waits for, up to the next box
}

// boxesOf returns the processes of a finding's chain, from the victim to the root cause.
func boxesOf(v *render.View, x *model.Index, f *model.Finding) (list []box, circle bool) {
	circle = f.Rule == "deadlock"
	name := func(pid int, comm string) string {
		if p := x.Processes[pid]; p != nil {
			return render.Escape(p.String())
		}
		return render.Escape(model.Named(comm, pid))
	}
	for i := range f.Chain {
		s := &f.Chain[i]
		if i > 0 && !circle && s.Object != "" && s.Object == f.Chain[i-1].Object {
			continue // another one that waits for the same
		}
		through := render.Escape(s.Object)
		if o := x.Object(s.Object); o != nil {
			through = v.ObjectName(o)
		}
		does, _, _ := strings.Cut(s.Relation, ";")
		list = append(list, box{name: name(s.PID, s.Comm), does: render.Escape(does), class: "victim", through: through})
	}
	if r := f.Root; r != nil && !circle {
		last := len(f.Chain) - 1
		if last >= 0 && f.Chain[last].PID == r.PID {
			list[len(list)-1].class = "root"
		} else {
			list = append(list, box{name: name(r.PID, r.Comm), does: render.Escape(r.Doing), class: "root"})
		}
	}
	if len(list) > maxBoxes {
		rest := len(list) - maxBoxes
		list = append(append(list[:maxBoxes/2:maxBoxes/2], box{name: fmt.Sprintf("%d more", rest), class: "more"}), list[len(list)-maxBoxes/2:]...)
	}
	return list, circle
}

// drawChain draws a chain.
func drawChain(id string, boxes []box, circle bool, summary string) template.HTML {
	var d drawing
	height := len(boxes)*(boxHeight+boxGap) - boxGap + 4
	var words []string
	for i, b := range boxes {
		y := 2 + i*(boxHeight+boxGap)
		d.add(`<rect class="box %s" x="%d" y="%d" width="%d" height="%d" rx="6"/>`, b.class, boxLeft, y, boxWidth, boxHeight)
		d.text(boxLeft+12, y+19, "name", "start", b.name, chainChars)
		d.text(boxLeft+12, y+36, "note", "start", b.does, chainChars+6)
		words = append(words, strings.TrimSpace(b.name+" "+b.does))
		if i < len(boxes)-1 {
			middle := boxLeft + 40
			d.add(`<line class="edge" x1="%[1]d" y1="%[2]d" x2="%[1]d" y2="%[3]d"/>`, middle, y+boxHeight, y+boxHeight+boxGap-8)
			d.arrowHead(middle, y+boxHeight+boxGap, "point")
			d.text(middle+14, y+boxHeight+boxGap/2+4, "through", "start", b.through, chainChars-2)
		}
	}
	if circle && len(boxes) > 0 {
		right, top, bottom := boxLeft+boxWidth, 2+boxHeight/2, 2+(len(boxes)-1)*(boxHeight+boxGap)+boxHeight/2
		d.add(`<path class="edge loop" d="M%[1]d %[3]d h24 V%[2]d h-14"/><path class="point" d="M%[1]d %[2]d l9 -5 v10 z"/>`, right, top, bottom)
		words = append(words, "and the last one waits for the first")
	}
	return d.finish(id, chainWidth, height, summary, strings.Join(words, ", then "))
}
