package console

import "net/http"

// Handler returns the page and its JSON twin.
func (c *Console) Handler() http.Handler { return http.NotFoundHandler() }
