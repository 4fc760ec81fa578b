package render

import (
	"slices"
	"testing"
)

// explain knows what check prints above its lines.
func TestCheckHeadingsAreExplained(t *testing.T) {
	topics := ColumnTopics()
	for _, heading := range checkHeadings {
		if !slices.ContainsFunc(topics, func(topic Topic) bool { return topic.Name == heading }) {
			t.Errorf("%s is not explained", heading)
		}
	}
}
