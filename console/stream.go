package console

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Pace of a stream.
const (
	streamInterval = time.Second
	streamShare    = 20 // a page that takes long to draw rests so many times as long
	maxStreams     = 16 // at once; who comes later reloads
	streamPatience = 10 * time.Second
	streamRetry    = 2 * time.Second // until a browser asks again after a loss
)

// streams counts the open streams and knows when their servers shut down: an
// http.Server waits for answers that have begun, and a stream would not end.
type streams struct {
	mu      sync.Mutex
	open    int
	closing map[*http.Server]chan struct{}
}

// enter returns what is closed when the server shuts down, and ok if there is
// room for one more stream. leave has to be called after it.
func (s *streams) enter(server *http.Server) (closing <-chan struct{}, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open >= maxStreams {
		return nil, false
	}
	s.open++
	if server == nil {
		return nil, true
	}
	if s.closing == nil {
		s.closing = map[*http.Server]chan struct{}{}
	}
	if s.closing[server] == nil {
		ended := make(chan struct{})
		s.closing[server] = ended
		server.RegisterOnShutdown(sync.OnceFunc(func() { close(ended) })) // each call of Shutdown calls it
	}
	return s.closing[server], true
}

func (s *streams) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open--
}

// news is what one event of a stream brings: how the lines of the page's body
// differ from those before, which are none at the beginning.
type news struct {
	Build string `json:"build"` // of the script and the style sheet: another means to load anew
	Title string `json:"title"`
	Final bool   `json:"final"` // nothing will change any more
	Edits []edit `json:"edits"`
}

// serveStream keeps the page at parameter at current: once a second at most it
// draws the page and sends what differs from what was sent before. What nobody
// has read yet is never more than one event, as none is made before the last one
// is written. A reader who comes again gets the whole page.
func (h *handler) serveStream(w http.ResponseWriter, r *http.Request, a ask) {
	rel := a.values.Get("at")
	name, id := routeOf(rel)
	a.trace = id
	if h.pages[name].build == nil || (strings.HasSuffix(name, traceRoute) && !id.IsValid()) {
		http.Error(w, "There is no such page to stream.", http.StatusNotFound)
		return
	}
	server, _ := r.Context().Value(http.ServerContextKey).(*http.Server)
	closing, ok := h.streams.enter(server)
	if !ok {
		w.Header().Set("Retry-After", fmt.Sprint(refreshSeconds))
		http.Error(w, "Too many streams are open.", http.StatusServiceUnavailable)
		return
	}
	defer h.streams.leave()
	out := &streamWriter{w: w, control: http.NewResponseController(w)}
	err := out.begin()
	if err != nil {
		http.Error(w, "Something on the way holds answers back, so there is no stream.", http.StatusNotImplemented)
		return
	}
	if r.Method == http.MethodHead {
		return
	}
	var sent []string
	for {
		var n news
		var took time.Duration
		if !h.c.turns.do(r.Context(), func() {
			begun := time.Now()
			n, sent, err = h.news(r, rel, name, a, sent)
			took = time.Since(begun)
		}) {
			return
		}
		if err != nil || out.send(n) != nil || n.Final {
			return
		}
		if !rest(r.Context(), closing, max(streamInterval, streamShare*took)) {
			return
		}
	}
}

// news draws the page and compares it with the lines that were sent before.
func (h *handler) news(r *http.Request, rel, name string, a ask, sent []string) (news, []string, error) {
	v := h.view(r, rel, name, a)
	lines, err := h.body(v)
	return news{Build: h.build(), Title: v.Headline(), Final: v.Final, Edits: editsOf(sent, lines)}, lines, err
}

// rest waits, and tells whether to go on.
func rest(ctx context.Context, closing <-chan struct{}, d time.Duration) bool {
	wait := time.NewTimer(d)
	defer wait.Stop()
	select {
	case <-wait.C:
		return true
	case <-ctx.Done():
	case <-closing:
	}
	return false
}

// body draws a page's body as lines, without what the browser knows better: how
// long ago things were.
func (h *handler) body(v view) ([]string, error) {
	var b sheet
	if err := h.html[v.file].streamed.ExecuteTemplate(&b, "body", v); err != nil {
		return nil, err
	}
	lines := strings.Split(string(b.text), "\n")
	return slices.DeleteFunc(lines, func(line string) bool { return strings.TrimSpace(line) == "" }), nil
}

// streamWriter writes events.
type streamWriter struct {
	w       http.ResponseWriter
	control *http.ResponseController
	id      int
}

// begin sends the head. It fails where answers cannot be flushed.
func (s *streamWriter) begin() error {
	s.w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	s.w.Header().Set("X-Accel-Buffering", "no") // nginx
	return s.control.Flush()
}

// send writes one event. The server's limit for writing an answer does not hold
// for one without an end; each event has its own.
func (s *streamWriter) send(n news) error {
	data, err := json.Marshal(n)
	if err != nil {
		return err
	}
	s.id++
	_ = s.control.SetWriteDeadline(time.Now().Add(streamPatience)) // a writer that has none writes all the same
	if _, err := fmt.Fprintf(s.w, "retry: %d\nevent: page\nid: %d\ndata: %s\n\n", streamRetry.Milliseconds(), s.id, data); err != nil {
		return err
	}
	return s.control.Flush()
}
