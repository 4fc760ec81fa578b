package probe

// Files other than regular ones can be locked as well: a FIFO, the pipe that is a program's standard
// output, a terminal. Such a file is an object of another kind, but the kernel lists its locks as
// those of a file.

// OfInode returns the object outside of [Files] that is the file with this inode on this device.
func (idx *Index) OfInode(dev, ino uint64) (*Entry, bool) {
	for space := range idx.joined.spaces {
		if space.OfInode == nil {
			continue
		}
		if scope, num, ok := space.OfInode(dev, ino); ok {
			if e, ok := idx.Lookup(Key{space, scope, num}); ok {
				return e, true
			}
		}
	}
	return nil, false
}

// NoteLocks notes that the locks on e are those of file.
func (idx *Index) NoteLocks(e, file *Entry) {
	if idx.locks == nil {
		idx.locks = map[*Entry]*Entry{}
	}
	idx.locks[e] = file
}

// LocksOf returns the object that has the locks on e; usually e itself.
func (idx *Index) LocksOf(e *Entry) *Entry {
	if file := idx.locks[e]; file != nil {
		return file
	}
	return e
}
