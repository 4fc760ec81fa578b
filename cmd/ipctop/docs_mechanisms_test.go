package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/ipctop/ipctop/model"
)

// TestDocsMechanisms keeps docs/mechanisms.md equal to the kinds.
func TestDocsMechanisms(t *testing.T) {
	compareDoc(t, "../../docs/mechanisms.md", mechanismsMarkdown(t))
}

// TestMechanismsSayEverything finds kinds whose page would have an empty section.
func TestMechanismsSayEverything(t *testing.T) {
	for _, k := range model.Kinds() {
		for what, text := range map[string]string{
			"about": k.About, "source": k.Source, "privilege": k.Privilege, "title": k.Title, "calls": strings.Join(k.Calls, ""),
			"man": strings.Join(k.Man, ""),
		} {
			if text == "" {
				t.Errorf("kind %s says nothing about %s", k.Name, what)
			}
		}
		for _, f := range model.DetailFields(k.Name) {
			if f.Doc == "" {
				t.Errorf("kind %s: field %s says nothing", k.Name, f.Path)
			}
		}
	}
}

func mechanismsMarkdown(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	b.Write(docPart(t, "mechanisms-head.md"))
	b.WriteString("\n| kind | what | carries | direction | lives as long as |\n|---|---|---|---|---|\n")
	for _, k := range model.Kinds() {
		fmt.Fprintf(&b, "| [`%s`](#%s) | %s | %s | %s | %s |\n", k.Name, k.Name, k.Title, k.Data, k.Direction, k.Persistence)
	}
	for _, k := range model.Kinds() {
		mechanismMarkdown(&b, k)
	}
	b.WriteString("\n")
	b.Write(docPart(t, "mechanisms-limits.md"))
	return b.Bytes()
}

// docPart is a hand-written part of a generated page.
func docPart(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile("testdata/docs/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func mechanismMarkdown(b *bytes.Buffer, k model.KindInfo) {
	fmt.Fprintf(b, "\n## %s\n\n%s. %s\n\n", k.Name, markdownSentence(k.Title), markdownText(k.About))
	fmt.Fprintf(b, "- **Used with**: %s; %s\n", markdownCalls(k.Calls), strings.Join(k.Man, ", "))
	if k.Related {
		b.WriteString("- **Used by**: only processes that inherit or are handed a descriptor\n")
	}
	for _, part := range []struct{ title, text string }{
		{"Read from", k.Source}, {"Privilege", k.Privilege}, {"Cannot be seen", k.Unseen},
	} {
		if part.text != "" {
			fmt.Fprintf(b, "- **%s**: %s\n", part.title, markdownText(part.text))
		}
	}
	fields := model.DetailFields(k.Name)
	if len(fields) == 0 {
		b.WriteString("\nIt has no fields of its own.\n")
		return
	}
	b.WriteString("\n| `detail.` | type | meaning |\n|---|---|---|\n")
	for _, f := range fields {
		typ := f.Type
		if f.Unit != "" {
			typ += ", " + f.Unit
		}
		fmt.Fprintf(b, "| `%s` | %s | %s |\n", strings.TrimPrefix(f.Path, "objects.detail."), typ, markdownText(f.Doc))
	}
}

func markdownSentence(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// markdownText escapes characters that have a meaning in Markdown.
func markdownText(s string) string {
	return strings.NewReplacer("|", `\|`, "<", "&lt;", "*", `\*`).Replace(s)
}

func markdownCalls(calls []string) string {
	quoted := make([]string, len(calls))
	for i, c := range calls {
		quoted[i] = "`" + c + "`"
	}
	return strings.Join(quoted, " ")
}
