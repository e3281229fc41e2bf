// Package announce lets a command find the consoles that run on this machine: a
// file for each, in the user's own cache directory.
package announce

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Console is where a console is.
type Console struct {
	URL   string    `json:"url"`
	PID   int       `json:"pid"` // of the process that announced it
	Since time.Time `json:"since"`
}

// dir is below XDG_CACHE_HOME on Linux, and what stands for it elsewhere.
func dir() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(cache, "otelmon", "consoles"), nil
}

// Write announces a console until it is withdrawn. PID and Since are filled in.
func Write(c Console) (withdraw func(), err error) {
	in, err := dir()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(in, 0o700); err != nil {
		return nil, err
	}
	c.PID, c.Since = os.Getpid(), time.Now().UTC()
	content, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	f, err := os.CreateTemp(in, strconv.Itoa(c.PID)+"-*.new")
	if err != nil {
		return nil, err
	}
	_, err = f.Write(content)
	if closed := f.Close(); err == nil {
		err = closed
	}
	name := strings.TrimSuffix(f.Name(), ".new") + ".json"
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		_ = os.Remove(f.Name()) // it may be gone already
		return nil, fmt.Errorf("write %s: %w", name, err)
	}
	return func() { _ = os.Remove(name) }, nil
}

// List returns the consoles that are announced, the newest first. Those of
// processes that were killed are among them: Forget them when they don't answer.
func List() ([]Console, error) {
	in, err := dir()
	if err != nil {
		return nil, err
	}
	list := []Console{}
	for _, file := range files(in, "") {
		if c, ok := read(file); ok {
			list = append(list, c)
		}
	}
	slices.SortFunc(list, func(a, b Console) int { return b.Since.Compare(a.Since) })
	return list, nil
}

// Forget removes what a killed process announced.
func Forget(c Console) {
	in, err := dir()
	if err != nil {
		return
	}
	for _, file := range files(in, strconv.Itoa(c.PID)+"-") {
		if found, ok := read(file); ok && found.URL == c.URL {
			_ = os.Remove(file)
		}
	}
}

// files returns the announcements whose names begin so.
func files(in, prefix string) (paths []string) {
	entries, _ := os.ReadDir(in) // before the first one there is no directory
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), prefix) && strings.HasSuffix(e.Name(), ".json") {
			paths = append(paths, filepath.Join(in, e.Name()))
		}
	}
	return paths
}

// read returns false for what has just gone, or is none of ours.
func read(file string) (c Console, ok bool) {
	content, err := os.ReadFile(file)
	return c, err == nil && json.Unmarshal(content, &c) == nil && c.URL != ""
}
