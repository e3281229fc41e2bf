package console

import (
	"encoding/json"
	"slices"
)

// edit replaces Count lines from line From on by Text. Edits of one answer are
// carried out one after the other, so each counts in what the one before left.
type edit struct {
	From, Count int
	Text        []string
}

// MarshalJSON writes an edit as a list, as there may be hundreds a second.
func (e edit) MarshalJSON() ([]byte, error) {
	return json.Marshal([]any{e.From, e.Count, append([]string{}, e.Text...)})
}

// editsOf returns what makes old into now. Lines that both have once, in the same
// order, are where the two hold together; what lies between is replaced. So the
// answer is right for any two lists, and short for two versions of a page.
func editsOf(old, now []string) []edit {
	var edits []edit
	shift, o, n := 0, 0, 0 // how far edits have moved the rest; where the rest begins
	for _, a := range append(anchors(old, now), anchor{len(old), len(now)}) {
		from, oldEnd, nowEnd := o, a.old, a.now
		for from < oldEnd && n < nowEnd && old[from] == now[n] {
			from, n = from+1, n+1
		}
		for oldEnd > from && nowEnd > n && old[oldEnd-1] == now[nowEnd-1] {
			oldEnd, nowEnd = oldEnd-1, nowEnd-1
		}
		if from < oldEnd || n < nowEnd {
			edits = append(edits, edit{from + shift, oldEnd - from, now[n:nowEnd]})
			shift += (nowEnd - n) - (oldEnd - from)
		}
		o, n = a.old, a.now
	}
	return edits
}

// anchor is where one line is in both lists.
type anchor struct{ old, now int }

// anchors returns the longest rising sequence of lines that both lists have once.
func anchors(old, now []string) []anchor {
	at, count := make(map[string]int, len(old)), make(map[string]int, len(old)+len(now))
	for i, line := range old {
		at[line] = i
		count[line]++
	}
	inNow := make(map[string]int, len(now))
	for _, line := range now {
		inNow[line]++
	}
	var shared []anchor
	for i, line := range now {
		if count[line] == 1 && inNow[line] == 1 {
			shared = append(shared, anchor{at[line], i})
		}
	}
	return rising(shared)
}

// rising returns the longest part of list, in its order, in which old rises.
func rising(list []anchor) []anchor {
	var tails []int // index of the least end of a sequence of each length
	before := make([]int, len(list))
	for i, a := range list {
		n, _ := slices.BinarySearchFunc(tails, a.old, func(tail, old int) int { return list[tail].old - old })
		before[i] = -1
		if n > 0 {
			before[i] = tails[n-1]
		}
		if n == len(tails) {
			tails = append(tails, i)
		}
		tails[n] = i
	}
	if len(tails) == 0 {
		return nil
	}
	longest := make([]anchor, len(tails))
	for i, n := tails[len(tails)-1], len(tails)-1; i >= 0; i, n = before[i], n-1 {
		longest[n] = list[i]
	}
	return longest
}
