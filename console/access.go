package console

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Scope is what a request may do. The zero value may do nothing.
type Scope int

// The scopes, each of which includes those before it.
const (
	ScopeNone Scope = iota // nothing but to log in
	ScopeRead              // look at all telemetry
	ScopeAct               // change the log level, take profiles
)

// String returns "none", "read" or "act".
func (s Scope) String() string {
	switch s {
	case ScopeRead:
		return "read"
	case ScopeAct:
		return "act"
	default:
		return "none"
	}
}

// leastToken is how long a token must be: a shorter one can be guessed.
const leastToken = 16

// access decides who may do what.
type access struct {
	readToken, actToken string
	authorize           func(*http.Request) Scope
	key                 [32]byte // signs sessions, new in each process
}

func newAccess(o Options) access {
	a := access{readToken: o.ReadToken, actToken: o.ActToken, authorize: o.Authorize}
	_, _ = rand.Read(a.key[:]) // it never fails
	return a
}

// isOpen tells whether this machine may read without having proved anything.
func (a *access) isOpen() bool { return a.readToken == "" }

// hasTokens tells whether there is anything to log in with.
func (a *access) hasTokens() bool { return a.readToken != "" || a.actToken != "" }

// scopeOf returns what a request has proved that it may do.
func (a *access) scopeOf(r *http.Request) Scope {
	scope := max(a.scopeOfToken(bearer(r)), a.scopeOfSession(r, time.Now()))
	if a.authorize != nil {
		scope = max(scope, a.authorize(r))
	}
	return scope
}

func bearer(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// scopeOfToken compares in a time that tells nothing about the tokens.
func (a *access) scopeOfToken(token string) Scope {
	given := sha256.Sum256([]byte(token))
	is := func(want string) bool {
		sum := sha256.Sum256([]byte(want))
		return subtle.ConstantTimeCompare(given[:], sum[:]) == 1 && len(want) >= leastToken
	}
	isRead, isAct := is(a.readToken), is(a.actToken)
	switch {
	case isAct:
		return ScopeAct
	case isRead:
		return ScopeRead
	default:
		return ScopeNone
	}
}

// A session is a signed scope and end, in a cookie, so that none has to be kept.
const (
	sessionCookie = "otelmon"
	sessionTime   = 12 * time.Hour
)

// cookieName is another for each port, which browsers do not tell cookies apart by:
// several programs on one machine would log each other out.
func cookieName(r *http.Request) string {
	if _, port, err := net.SplitHostPort(r.Host); err == nil {
		return sessionCookie + "-" + port
	}
	return sessionCookie
}

func (a *access) session(scope Scope, now time.Time) string {
	text := strconv.Itoa(int(scope)) + "." + strconv.FormatInt(now.Add(sessionTime).Unix(), 10)
	return text + "." + a.sign(text)
}

func (a *access) sign(text string) string {
	mac := hmac.New(sha256.New, a.key[:])
	_, _ = mac.Write([]byte(text))
	return hex.EncodeToString(mac.Sum(nil))
}

func (a *access) scopeOfSession(r *http.Request, now time.Time) Scope {
	cookie, err := r.Cookie(cookieName(r))
	if err != nil {
		return ScopeNone
	}
	i := strings.LastIndexByte(cookie.Value, '.')
	if i < 0 || !hmac.Equal([]byte(cookie.Value[i+1:]), []byte(a.sign(cookie.Value[:i]))) {
		return ScopeNone
	}
	scope, end, _ := strings.Cut(cookie.Value[:i], ".")
	until, err := strconv.ParseInt(end, 10, 64)
	if err != nil || now.Unix() >= until {
		return ScopeNone
	}
	n, _ := strconv.Atoi(scope) // we wrote it
	return Scope(n)
}

type requestScope struct{}

// ScopeOf returns what the request may do that a handler of [Console.Mount] is
// answering, by the request's context; ScopeNone outside of one.
func ScopeOf(ctx context.Context) Scope {
	s, _ := ctx.Value(requestScope{}).(Scope)
	return s
}
