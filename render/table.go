package render

import (
	"io"
	"strings"
)

// minFlex is the least width of a column; if that is not enough, the line is cut. Before a
// column gets narrower than comfort, dispensable columns are left out.
const (
	minFlex = 8
	comfort = 18
)

// writeTable writes one table: a heading line and a line per record.
func writeTable[T any](w io.Writer, v *View, columns []Column[T], records []*T) error {
	cells := make([]Cell, 0, len(records)*len(columns))
	widths := make([]int, len(columns))
	if !v.NoHeadings {
		for i, c := range columns {
			widths[i] = Width(c.Name)
		}
	}
	for _, r := range records {
		for i := range columns {
			c := columns[i].Text(v, r)
			widths[i] = max(widths[i], Width(c.Text))
			cells = append(cells, c)
		}
	}
	columns, widths, cells = drop(v, columns, widths, cells)
	fit(v, columns, widths)
	var line strings.Builder
	if !v.NoHeadings {
		heading := make([]Cell, len(columns))
		for i, c := range columns {
			heading[i] = Cell{c.Name, Heading}
		}
		appendLine(&line, v, columns, widths, heading)
	}
	for len(cells) > 0 {
		appendLine(&line, v, columns, widths, cells[:len(columns)])
		cells = cells[len(columns):]
		if line.Len() > 32<<10 {
			if _, err := io.WriteString(w, line.String()); err != nil {
				return err
			}
			line.Reset()
		}
	}
	_, err := io.WriteString(w, line.String())
	return err
}

const gapBetween = 2

// drop leaves out dispensable columns (Spare), the last first, while the others do not fit
// with comfort. Columns that the user named are kept.
func drop[T any](v *View, columns []Column[T], widths []int, cells []Cell) ([]Column[T], []int, []Cell) {
	if v.Width <= 0 || v.Wide || v.Columns != "" {
		return columns, widths, cells
	}
	for {
		total, last := gapBetween*(len(columns)-1), -1
		for i, c := range columns {
			n := widths[i]
			if c.Flex {
				n = min(n, comfort)
			}
			total += n
			if c.Spare {
				last = i
			}
		}
		if total <= v.Width || last < 0 {
			return columns, widths, cells
		}
		kept := cells[:0]
		for i, c := range cells {
			if i%len(columns) != last {
				kept = append(kept, c)
			}
		}
		cells = kept
		columns = append(append([]Column[T]{}, columns[:last]...), columns[last+1:]...)
		widths = append(append([]int{}, widths[:last]...), widths[last+1:]...)
	}
}

// fit narrows the widest of the columns that may be cut until the table fits.
func fit[T any](v *View, columns []Column[T], widths []int) {
	if v.Width <= 0 || v.Wide {
		return
	}
	total := gapBetween * (len(widths) - 1)
	for _, n := range widths {
		total += n
	}
	for total > v.Width {
		widest, second := -1, minFlex
		for i, c := range columns {
			switch {
			case !c.Flex || widths[i] <= minFlex:
			case widest < 0 || widths[i] > widths[widest]:
				if widest >= 0 {
					second = widths[widest]
				}
				widest = i
			case widths[i] > second:
				second = widths[i]
			}
		}
		if widest < 0 {
			return
		}
		cut := min(total-v.Width, max(1, widths[widest]-second))
		widths[widest] -= cut
		total -= cut
	}
}

func appendLine[T any](b *strings.Builder, v *View, columns []Column[T], widths []int, cells []Cell) {
	limit := v.Width
	if limit <= 0 || v.Wide {
		limit = 1 << 30
	}
	used, pending := 0, 0 // pending spaces are written only if something follows
	for i, c := range cells {
		if i > 0 {
			pending += gapBetween
		}
		text := c.Text
		if Width(text) > widths[i] {
			text = Truncate(text, widths[i], v.glyph.more)
		}
		room := limit - used - pending
		left, right := 0, widths[i]-Width(text)
		if columns[i].Right {
			left, right = right, 0
		}
		if text != "" && left+Width(text) > room {
			text = Truncate(strings.Repeat(" ", left)+text, max(room, 0), v.glyph.more)
			left = 0
		}
		if text != "" {
			pad(b, pending+left)
			if v.Color && c.Role != Plain {
				b.WriteString(sgr[c.Role] + text + sgrReset)
			} else {
				b.WriteString(text)
			}
			used += pending + left + Width(text)
			pending = 0
			left = 0
		}
		pending += left + right
		if used+pending >= limit {
			break
		}
	}
	b.WriteByte('\n')
}
