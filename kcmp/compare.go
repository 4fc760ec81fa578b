package kcmp

import (
	"errors"
	"slices"
	"sync"

	"github.com/ipctop/ipctop/guard"
	"golang.org/x/sys/unix"
)

// Comparer asks the kernel under guard. That is necessary: kcmp waits while one
// of the two processes is in the middle of execve(2). execve closes files, and
// a FUSE server that does not answer can make that wait for ever.
type Comparer struct {
	task    *guard.Task
	item    func(task int32) guard.Item
	checked *sync.Map            // by task: the error of comparing it with itself, nil if there was none
	Failed  map[Descriptor]error // descriptors that cannot be compared
}

// NewComparer makes a Comparer for a task. item identifies a process or thread for the guard.
// checked may be shared by several Comparers: it keeps which tasks can be compared at all.
func NewComparer(t *guard.Task, item func(task int32) guard.Item, checked *sync.Map) *Comparer {
	return &Comparer{task: t, item: item, checked: checked, Failed: map[Descriptor]error{}}
}

func (c *Comparer) ask(a, b Descriptor) (int, error) {
	if !c.task.BeginFor(c.item(a.Task), "kcmp", 0) {
		return 0, guard.ErrGivenUp
	}
	r, err := Compare(a.Task, b.Task, File, uintptr(a.FD), uintptr(b.FD))
	c.task.End()
	return r, err
}

// compare orders two descriptors by their descriptions. Descriptors that fail
// come last, so that a sort comes to an end.
func (c *Comparer) compare(a, b Descriptor) int {
	_, badA := c.Failed[a]
	_, badB := c.Failed[b]
	if !badA && !badB {
		r, err := c.ask(a, b)
		switch {
		case err == nil && r == 0:
			return 0
		case err == nil && r == 1:
			return -1
		case err == nil && r == 2:
			return 1
		}
		if err == nil {
			err = errors.ErrUnsupported // different, but the kernel gave no order
		}
		badA, badB = c.check(a), c.check(b)
		if !badA && !badB { // one of them was closed and opened again meanwhile
			c.Failed[a], c.Failed[b] = err, err
			badA, badB = true, true
		}
	}
	switch {
	case badA && badB:
		return 0
	case badA:
		return 1
	case badB:
		return -1
	}
	return 0
}

// Same reports whether two descriptors are one open file description; false if that
// cannot be found out.
func (c *Comparer) Same(a, b Descriptor) bool {
	return c.compare(a, b) == 0 && c.Failed[a] == nil && c.Failed[b] == nil
}

// check finds out whether a descriptor can be compared at all.
func (c *Comparer) check(d Descriptor) (bad bool) {
	if _, err := c.ask(d, d); err != nil {
		c.Failed[d] = err
		return true
	}
	return false
}

// checkTasks first compares each task with itself: if that gets stuck, the task
// is known. Any error except that of a closed descriptor applies to all
// descriptors of the task.
func (c *Comparer) checkTasks(list []Descriptor) {
	for _, d := range list {
		was, ok := c.checked.Load(d.Task)
		if !ok {
			_, err := c.ask(d, d)
			if errors.Is(err, unix.EBADF) {
				c.Failed[d] = err
				err = nil
			}
			was = &err
			c.checked.Store(d.Task, was)
		}
		if err := *was.(*error); err != nil {
			c.Failed[d] = err
		}
	}
}

// Group returns the groups of descriptors that share a description, each in the
// order of list. Groups of one are left out. Descriptors that could not be
// compared are in c.Failed.
func (c *Comparer) Group(list []Descriptor) [][]Descriptor {
	c.checkTasks(list)
	sorted := slices.Clone(list)
	for {
		sorted = slices.DeleteFunc(sorted, func(d Descriptor) bool { return c.Failed[d] != nil })
		before := len(c.Failed)
		slices.SortFunc(sorted, c.compare)
		if len(c.Failed) == before {
			break
		}
	}
	place := make(map[Descriptor]int, len(list))
	for i, d := range list {
		place[d] = i
	}
	var groups [][]Descriptor
	for i := 0; i < len(sorted); {
		n := i + 1
		for n < len(sorted) && c.compare(sorted[n-1], sorted[n]) == 0 {
			n++
		}
		if n-i > 1 {
			g := sorted[i:n]
			g = slices.DeleteFunc(g[:len(g):len(g)], func(d Descriptor) bool { return c.Failed[d] != nil })
			slices.SortFunc(g, func(a, b Descriptor) int { return place[a] - place[b] })
			groups = append(groups, g)
		}
		i = n
	}
	return groups
}
