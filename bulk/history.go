package bulk

// past is what earlier runs of an operation's name tell. Nil is nothing.
type past struct {
	gap   float64 // the longest time without progress, in seconds
	curve []point // how a usual run went, both as shares of the whole
}

func (p *past) patience() float64 {
	if p == nil {
		return 0
	}
	return 2 * p.gap
}

func (p *past) models() []model {
	if p == nil || len(p.curve) < fewPoints {
		return nil
	}
	return nil
}
