package render

import (
	"bytes"
	"cmp"
	"io"
	"slices"
	"strings"

	"github.com/ipctop/ipctop/model"
)

// Topic is something that `ipctop explain` can explain.
type Topic struct {
	Name  string // what a user types
	Group string // kind, field, reason, word, rule
	Brief string // a few words
	Text  string // all about it, ready to print
	Alias string // its name on the screen, if that is different
}

// Topics lists what can be explained: kinds, fields of the JSON, reasons of
// gaps, words, and the given topics (such as rules, which belong to another package).
func Topics(more ...Topic) []Topic {
	var list []Topic
	for _, k := range model.Kinds() {
		t := newShowText(ShowOptions{})
		t.kind(k)
		list = append(list, Topic{Name: string(k.Name), Group: "kind", Brief: k.Title, Text: t.b.String()})
	}
	for _, f := range model.Fields() {
		list = append(list, fieldTopic(f))
	}
	for _, r := range model.Reasons() {
		t := newShowText(ShowOptions{})
		t.line("%s, a reason why something could not be read (gaps.reason)", r.Name)
		t.line("")
		t.paragraph(r.Doc)
		if r.Advice != "" {
			t.paragraph(r.Advice)
		}
		list = append(list, Topic{Name: string(r.Name), Group: "reason", Brief: firstSentence(r.Doc), Text: t.b.String()})
	}
	for _, w := range explainWords() {
		t := newShowText(ShowOptions{})
		t.line("%s", w.name)
		t.line("")
		t.paragraph(w.text)
		list = append(list, Topic{Name: w.name, Group: "word", Brief: firstSentence(w.text), Text: t.b.String()})
	}
	return append(list, more...)
}

func fieldTopic(f model.FieldInfo) Topic {
	t := newShowText(ShowOptions{})
	t.line("%s, a field of the JSON document", f.Path)
	t.line("")
	t.paragraph(strings.ToUpper(f.Doc[:1]) + f.Doc[1:] + ".")
	t.line("")
	rows := [][]string{{"type", f.Type}}
	if f.Unit != "" {
		rows = append(rows, []string{"unit", f.Unit})
	}
	if len(f.Kinds) > 0 {
		kinds := make([]string, len(f.Kinds))
		for i, k := range f.Kinds {
			kinds[i] = string(k)
		}
		rows = append(rows, []string{"of the kinds", strings.Join(kinds, ", ")})
	}
	missing := "never"
	if f.Optional {
		missing = "where it is unknown or does not apply"
	}
	t.table(append(rows, []string{"missing", missing}))
	return Topic{Name: f.Path, Group: "field", Brief: f.Doc, Text: t.b.String()}
}

// FindTopics finds the topics with a name: a whole name, else the end of a field's path
// ("holders.ofd", "detail.queued", "queued"). The singular also works: "gap.reason" for
// "gaps.reason".
func FindTopics(topics []Topic, name string) []Topic {
	name = strings.ToLower(strings.Trim(strings.NewReplacer("[]", "", "[", "", "]", "").Replace(name), "."))
	var list []Topic
	for _, t := range topics {
		if strings.ToLower(t.Name) == name || t.Alias != "" && strings.ToLower(t.Alias) == name {
			list = append(list, t)
		}
	}
	if list != nil || name == "" {
		return list
	}
	for _, t := range topics {
		if t.Group == "field" && (strings.HasSuffix(t.Name, "."+name) || strings.HasSuffix(singular(t.Name), "."+singular(name)) ||
			singular(t.Name) == singular(name)) {
			list = append(list, t)
		}
	}
	return list
}

// singular turns every part of a path into the singular.
func singular(path string) string {
	parts := strings.Split(path, ".")
	for i, p := range parts {
		p = strings.TrimSuffix(p, "s")
		if rest, ok := strings.CutSuffix(p, "sse"); ok { // process, processes
			p = rest + "s"
		}
		parts[i] = p
	}
	return strings.Join(parts, ".")
}

// TopicNames lists names that [FindTopics] knows, for suggestions and completion: whole
// names, and the last two parts of long paths.
func TopicNames(topics []Topic) []string {
	var names []string
	for _, t := range topics {
		names = append(names, t.Name)
		if parts := strings.Split(t.Name, "."); t.Group == "field" && len(parts) > 2 {
			names = append(names, strings.Join(parts[len(parts)-2:], "."))
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Explain writes topics one after the other.
func Explain(w io.Writer, topics []Topic) error {
	var b bytes.Buffer
	for i, t := range topics {
		if i > 0 {
			b.WriteString("\n")
		}
		b.WriteString(t.Text)
	}
	_, err := w.Write(b.Bytes())
	return err
}

// topicGroups are the groups in the order of the list, with their headings.
var topicGroups = []struct{ name, title string }{
	{"kind", "Kinds of objects"},
	{"rule", "Rules"},
	{"reason", "Reasons why something could not be read"},
	{"word", "Words"},
	{"column", "Columns of tables"},
	{"field", "Fields of the JSON document"},
}

// TopicList writes what can be explained, by group.
func TopicList(w io.Writer, topics []Topic) error {
	t := newShowText(ShowOptions{})
	for _, g := range topicGroups {
		var rows [][]string
		for _, topic := range topics {
			if topic.Group == g.name {
				rows = append(rows, []string{topic.Name, topic.Brief})
			}
		}
		if rows == nil {
			continue
		}
		if t.b.Len() > 0 {
			t.line("")
		}
		t.line("%s", g.title)
		if g.name != "field" {
			slices.SortStableFunc(rows, func(a, b []string) int { return cmp.Compare(a[0], b[0]) })
		}
		t.table(slices.CompactFunc(rows, slices.Equal))
	}
	_, err := w.Write(t.b.Bytes())
	return err
}

func firstSentence(s string) string {
	if i := strings.IndexAny(s, ".:;"); i > 0 {
		return s[:i]
	}
	return s
}

type explainWord struct{ name, text string }

// explainWords are the words of the tool.
func explainWords() []explainWord {
	return []explainWord{
		{"object", "One instance of a mechanism in the kernel: a pipe, a socket, a queue. It has an id, holders, and a detail that depends on its kind."},
		{"kind", "The mechanism of an object. ipctop kinds lists them."},
		{"holder", "A process's hold on an object, and how: a descriptor, a mapping, an attachment, a lock, a registration; or a socket's queue " +
			"that holds a descriptor in flight."},
		{"open file description", "What open, pipe or socket makes, and what fork and SCM_RIGHTS share (open(2)). Descriptors of one description have " +
			"one position, one set of flags and one flock; the field holders.ofd marks them."},
		{"peer", "The object at the other end, of objects that come in pairs: the two sockets of a connection."},
		{"link", "The channel between processes that an object or a pair of peers makes."},
		{"wait", "A thread blocked on something: what it needs, on which object, and who could provide it."},
		{"finding", "A diagnosis with its evidence, how sure it is, and what can be done."},
		{"gap", "Something that could not be read, and why. Where holders may be missing, nothing is concluded from their absence."},
		{"snapshot", "All that ipctop knows about a machine at one time; what ipctop dump prints."},
		{"full", "An object that takes no more: a pipe, queue, socket or backlog. Writers wait, or are refused. The overview lists what is full where " +
			"nothing was diagnosed."},
		{"not read", "Something that could not be read, as the overview lists it: what was attempted, and why it failed. ipctop dump --only gaps lists all."},
		{"in-flight", "A descriptor that was sent through a UNIX socket and not yet received. No process has it, yet it keeps its object alive."},
		{"certain", "The kernel says so."},
		{"likely", "Worked out from what the kernel says, such as two sockets whose addresses fit."},
		{"possible", "It fits all that could be seen, and something that could not be seen might contradict it."},
		{"reference", "What a user types to name a process or object: a pid, a process's name, an id, pipe:[4242], /proc/4121/fd/3, a path, /jobs, " +
			"@abstract, :5432, 127.0.0.1:5432, 0x4d2 (a System V key), 7@CONTAINER."},
	}
}
