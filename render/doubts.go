package render

import (
	"strings"

	"github.com/ipctop/ipctop/model"
)

// Doubts returns the reasons why a finding is not certain, one sentence each. Sentences that
// differ only in the one object that they name are combined into one sentence about all these objects.
func Doubts(f *model.Finding) []string {
	type same struct {
		before, after string
		objects       []string
	}
	var all []same
	at := map[[2]string]int{}
	for _, sentence := range f.LoweredBy {
		s := same{before: sentence}
		if from, to := objectIn(sentence); to > from {
			s = same{sentence[:from], sentence[to:], []string{sentence[from:to]}}
			key := [2]string{s.before, s.after}
			if i, ok := at[key]; ok {
				all[i].objects = append(all[i].objects, s.objects...)
				continue
			}
			at[key] = len(all)
		}
		all = append(all, s)
	}
	var sentences []string
	for _, s := range all {
		names := showFew(s.objects, 3)
		if len(s.objects) > 1 && len(s.objects) <= 3 {
			last := len(s.objects) - 1
			names = strings.Join(s.objects[:last], ", ") + " and " + s.objects[last]
		}
		sentences = append(sentences, s.before+names+s.after)
	}
	return sentences
}

// objectIn returns the place of the only object id in a sentence: the word with a colon inside.
// Both results are 0 if there is no such word, or more than one.
func objectIn(sentence string) (from, to int) {
	for i := 0; i < len(sentence); {
		end := i + strings.IndexByte(sentence[i:]+" ", ' ')
		if colon := strings.IndexByte(sentence[i:end], ':'); colon > 0 && i+colon < end-1 {
			if to > 0 {
				return 0, 0
			}
			from, to = i, end
		}
		i = end + 1
	}
	return from, to
}
