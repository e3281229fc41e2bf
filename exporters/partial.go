package exporters

import (
	"regexp"
	"strconv"
	"strings"
)

// partialSuccess is how the errors of the official exporters begin when the
// backend took a batch but for some items. Their type is internal.
const partialSuccess = "OTLP partial success: "

var rejectedItems = regexp.MustCompile(`\((\d+) [a-z ]+ rejected\)$`)

// rejections returns how many items a backend rejected. partial is false when
// anything but partial success went wrong, so that the whole batch is lost.
func rejections(err error) (rejected int64, partial bool) {
	switch e := err.(type) { //nolint:errorlint // every leaf counts, not the first that fits
	case nil:
		return 0, true
	case interface{ Unwrap() []error }:
		for _, part := range e.Unwrap() {
			n, ok := rejections(part)
			if !ok {
				return 0, false
			}
			rejected += n
		}
		return rejected, true
	case interface{ Unwrap() error }:
		if inner := e.Unwrap(); inner != nil { // some wrap nothing, net/http among them
			return rejections(inner)
		}
	}
	if !strings.HasPrefix(err.Error(), partialSuccess) {
		return 0, false
	}
	found := rejectedItems.FindStringSubmatch(err.Error())
	if found == nil {
		return 0, true
	}
	n, _ := strconv.ParseInt(found[1], 10, 64)
	return n, true
}
