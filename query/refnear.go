package query

import (
	"github.com/ipctop/ipctop/model"
)

// maxNear is the largest number of similar references that are suggested.
const maxNear = 3

// near lists references that are similar to ref and name something.
func (f finder) near(ref string) []string {
	words := make([]string, 0, 2*len(f.s.Processes)+2*len(f.s.Objects))
	for i := range f.s.Processes {
		p := f.s.Processes[i]
		words = append(words, p.Comm, p.Name())
		if c := p.Container; c != nil {
			if what, _, ok := cutLast(ref, '@'); ok && what != "" {
				words = append(words, what+"@"+containerName(c))
			}
		}
	}
	for i := range f.s.Objects {
		o := f.s.Objects[i]
		words = append(words, o.ID, o.Name)
		if d, ok := o.Detail.(*model.UnixDetail); ok && d.Abstract != "" {
			words = append(words, "@"+d.Abstract)
		}
	}
	if _, isNumber := parseNumber(ref); isNumber {
		return nil // similar numbers have nothing to do with each other
	}
	return Nearest(ref, words)
}
