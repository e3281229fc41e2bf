package settings

import (
	"errors"
	"fmt"
	"strings"
)

const (
	prefix     = "OTEL_"
	ownPrefix  = "OTELMON_"
	otlpPrefix = "OTEL_EXPORTER_OTLP_"

	protocolGRPC = "grpc"
	protocolHTTP = "http/protobuf"

	endpointGRPC = "http://localhost:4317"
	endpointHTTP = "http://localhost:4318"

	fromDefault     = "default"
	fromEnvironment = "environment "
	fromCode        = "code "
)

// Resolve works out every variable from the environment, given as
// [os.Environ] does, and from what the code says. The error joins every fault:
// each names the variable, the value, where it came from and what is allowed.
// The set is never nil; a faulty value is replaced by its default in it.
//
// Code beats environment also where the code gives a general value and the
// environment one for a single signal.
func Resolve(environ []string, code []Code) (*Set, error) {
	r := resolver{
		set:   &Set{values: map[string]value{}},
		known: map[string]variable{},
		env:   variablesOf(environ),
		code:  map[string]Code{},
	}
	all := variables()
	for _, v := range all {
		r.known[v.name] = v
	}
	r.takeCode(code)
	for _, v := range all {
		r.set.values[v.name] = r.resolve(v)
	}
	r.completeEndpoints()
	r.checkBatch("OTEL_BSP_")
	r.checkBatch("OTEL_BLRP_")
	r.checkSampler()
	r.checkNames()
	return r.set, errors.Join(r.faults...)
}

// resolver is the state of one Resolve.
type resolver struct {
	set    *Set
	known  map[string]variable
	env    map[string]string
	code   map[string]Code
	faults []error
}

// variablesOf picks the OTEL_ and OTELMON_ variables that are not empty. Of several with one
// name the first counts, as in [os.Getenv].
func variablesOf(environ []string) map[string]string {
	env := map[string]string{}
	for _, entry := range environ {
		name, val, _ := strings.Cut(entry, "=")
		if _, seen := env[name]; !seen && (strings.HasPrefix(name, prefix) || strings.HasPrefix(name, ownPrefix)) {
			env[name] = strings.TrimSpace(val)
		}
	}
	for name, val := range env {
		if val == "" {
			delete(env, name)
		}
	}
	return env
}

func (r *resolver) takeCode(code []Code) {
	for _, c := range code {
		c.Value = strings.TrimSpace(c.Value)
		if c.Value == "" {
			continue
		}
		if _, ok := r.known[c.Name]; !ok {
			r.faults = append(r.faults, fmt.Errorf("%s: %s is not a variable that can be set", c.Field, quote(c.Name)))
			continue
		}
		r.code[c.Name] = c
	}
}

// resolve finds the value that counts for v and reads it.
func (r *resolver) resolve(v variable) value {
	if c, ok := r.code[v.name]; ok {
		return r.read(v, c.Value, fromCode+c.Field)
	}
	if _, ok := r.code[v.fallback]; ok {
		return r.inherit(v)
	}
	if raw, ok := r.env[v.name]; ok {
		return r.read(v, raw, fromEnvironment+v.name)
	}
	if v.fallback != "" {
		return r.inherit(v)
	}
	return v.byDefault()
}

// inherit gives v the value of its fallback, which is resolved already.
func (r *resolver) inherit(v variable) value {
	val := r.set.values[v.fallback]
	val.own = false
	return val
}

// byDefault reads the default. It is right by construction: a test parses all.
func (v variable) byDefault() value {
	if v.standard == "" {
		return value{source: fromDefault}
	}
	val, _ := v.parse(v.standard)
	val.source = fromDefault
	val.public = v.show(val.text, nil)
	return val
}

// read parses a given value. A wrong one is recorded and replaced by the
// default, which for a signal's own variable is its fallback's value.
func (r *resolver) read(v variable, raw, source string) value {
	val, err := v.parse(raw)
	if err != nil {
		fault := fmt.Errorf("%s: %s (%s) %w", v.name, v.excerpt(raw), source, err)
		if !errors.Is(err, errNotBoolean) {
			r.faults = append(r.faults, fault)
			if v.fallback != "" {
				return r.inherit(v)
			}
			return v.byDefault()
		}
		r.set.warnings = append(r.set.warnings, fault)
	}
	val.source = source
	val.own = true
	val.public = v.show(val.text, val.pairs)
	return val
}

// completeEndpoints fills in the endpoint's default, which hangs on the
// protocol.
func (r *resolver) completeEndpoints() {
	names := []string{otlpPrefix}
	for _, signal := range Signals() {
		names = append(names, otlpPrefix+string(signal)+"_")
	}
	for _, name := range names {
		endpoint := r.set.values[name+"ENDPOINT"]
		if endpoint.text != "" {
			continue
		}
		endpoint.text = endpointHTTP
		if r.set.String(name+"PROTOCOL") == protocolGRPC {
			endpoint.text = endpointGRPC
		}
		endpoint.public = endpoint.text
		r.set.values[name+"ENDPOINT"] = endpoint
	}
}

// checkBatch holds a batch to the size of its queue. A default batch shrinks
// with the queue; a given one that is too big is a fault.
func (r *resolver) checkBatch(name string) {
	queue, batch := r.set.values[name+"MAX_QUEUE_SIZE"], r.set.values[name+"MAX_EXPORT_BATCH_SIZE"]
	if batch.number <= queue.number {
		return
	}
	if batch.own {
		r.faults = append(r.faults, fmt.Errorf("%sMAX_EXPORT_BATCH_SIZE: %d (%s) is more than %sMAX_QUEUE_SIZE, %d (%s); make the batch smaller or the queue bigger",
			name, batch.number, batch.source, name, queue.number, queue.source))
	}
	batch.number, batch.text, batch.public = queue.number, queue.text, queue.public
	r.set.values[name+"MAX_EXPORT_BATCH_SIZE"] = batch
}

// checkSampler warns of an argument that nobody reads.
func (r *resolver) checkSampler() {
	arg := r.set.values["OTEL_TRACES_SAMPLER_ARG"]
	sampler := r.set.String("OTEL_TRACES_SAMPLER")
	if arg.own && !strings.HasSuffix(sampler, "traceidratio") {
		r.set.warnings = append(r.set.warnings, fmt.Errorf(
			"OTEL_TRACES_SAMPLER_ARG: %s (%s) has no effect on the sampler %s; set OTEL_TRACES_SAMPLER=parentbased_traceidratio to sample a share of traces",
			arg.public, arg.source, sampler))
	}
}
