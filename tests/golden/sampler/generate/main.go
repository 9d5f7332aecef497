// SPDX-License-Identifier: Apache-2.0

// Runs the Collector's own probabilistic_sampler over made-up spans and log
// records and prints what it decided, one line each, for
// tests/unit/processors/test_sampler.c:
//
//	go run . > ../vectors.tsv
package main

import (
	"context"
	"encoding/hex"
	"fmt"
	"math/rand"

	"github.com/open-telemetry/opentelemetry-collector-contrib/processor/probabilisticsamplerprocessor"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor/processortest"
)

type setting struct {
	mode       string
	percentage float32
	seed       uint32
	precision  int
	failClosed bool
}

func (s setting) config(factory interface{ CreateDefaultConfig() any }) *probabilisticsamplerprocessor.Config {
	c := factory.CreateDefaultConfig().(*probabilisticsamplerprocessor.Config)
	c.SamplingPercentage = s.percentage
	c.Mode = probabilisticsamplerprocessor.SamplerMode(s.mode)
	c.HashSeed = s.seed
	c.SamplingPrecision = s.precision
	c.FailClosed = s.failClosed
	c.FromAttribute = "key"
	c.SamplingPriority = "priority"
	return c
}

type defaults struct{}

func (defaults) CreateDefaultConfig() any {
	return probabilisticsamplerprocessor.NewFactory().CreateDefaultConfig()
}

var states = []string{"", "", "", "ot=th:8", "ot=th:c;rv:%014x", "ot=rv:%014x", "ot=th:0", "a=b,ot=th:fd70a,c=d", "ot=xth:8;th:4", "ot=th:zz", "nonsense", "vendor=1"}
var priorities = []string{"", "", "", "", "", "int:0", "int:1", "double:0.5", "string:0", "string:2", "string:x"}

func put(m pcommon.Map, key, text string) {
	var kind, value string
	for i := range text {
		if text[i] == ':' {
			kind, value = text[:i], text[i+1:]
			break
		}
	}
	switch kind {
	case "int":
		var n int64
		fmt.Sscan(value, &n)
		m.PutInt(key, n)
	case "double":
		var d float64
		fmt.Sscan(value, &d)
		m.PutDouble(key, d)
	case "string":
		m.PutStr(key, value)
	}
}

func get(m pcommon.Map, key string) string {
	v, ok := m.Get(key)
	if !ok {
		return "-"
	}
	return v.AsString()
}

func span(s setting, r *rand.Rand, id [16]byte) {
	state := states[r.Intn(len(states))]
	if len(state) > 3 && state[len(state)-1] == 'x' && state != "string:x" {
		state = fmt.Sprintf(state, r.Uint64()>>8)
	}
	priority := priorities[r.Intn(len(priorities))]
	sink := new(consumertest.TracesSink)
	factory := probabilisticsamplerprocessor.NewFactory()
	p, err := factory.CreateTraces(context.Background(), processortest.NewNopSettings(factory.Type()), s.config(defaults{}), sink)
	if err != nil {
		panic(err)
	}
	td := ptrace.NewTraces()
	sp := td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans().AppendEmpty()
	sp.SetTraceID(id)
	sp.TraceState().FromRaw(state)
	put(sp.Attributes(), "sampling.priority", priority)
	_ = p.ConsumeTraces(context.Background(), td)
	out, kept := "", 0
	if sink.SpanCount() == 1 {
		kept = 1
		out = sink.AllTraces()[0].ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).TraceState().AsRaw()
	}
	fmt.Printf("span\t%s\t%g\t%d\t%d\t%t\t%s\t%s\t%s\t%d\t%s\n", s.mode, s.percentage, s.seed, s.precision, s.failClosed, hex.EncodeToString(id[:]), state, priority, kept, out)
}

var keys = []string{"", "string:order-17", "int:42"}
var logPriorities = []string{"", "", "", "int:50", "double:99.5", "int:100", "int:0"}

func record(s setting, r *rand.Rand, id [16]byte) {
	key, priority := keys[r.Intn(len(keys))], logPriorities[r.Intn(len(logPriorities))]
	if r.Intn(3) == 0 {
		id = [16]byte{}
	}
	sink := new(consumertest.LogsSink)
	factory := probabilisticsamplerprocessor.NewFactory()
	p, err := factory.CreateLogs(context.Background(), processortest.NewNopSettings(factory.Type()), s.config(defaults{}), sink)
	if err != nil {
		panic(err)
	}
	ld := plog.NewLogs()
	lr := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
	lr.SetTraceID(id)
	put(lr.Attributes(), "key", key)
	put(lr.Attributes(), "priority", priority)
	_ = p.ConsumeLogs(context.Background(), ld)
	out, kept := "", 0
	if sink.LogRecordCount() == 1 {
		kept = 1
		m := sink.AllLogs()[0].ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0).Attributes()
		out = get(m, "sampling.threshold") + "," + get(m, "sampling.randomness")
	}
	fmt.Printf("log\t%s\t%g\t%d\t%d\t%t\t%s\t%s\t%s\t%d\t%s\n", s.mode, s.percentage, s.seed, s.precision, s.failClosed, hex.EncodeToString(id[:]), key, priority, kept, out)
}

func main() {
	r := rand.New(rand.NewSource(20261121))
	for _, mode := range []string{"hash_seed", "proportional", "equalizing"} {
		for _, percentage := range []float32{0, 0.001, 0.1, 1, 10, 25, 33.333, 50, 66.6, 99.9, 100, 150} {
			for i := 0; i < 40; i++ {
				s := setting{mode, percentage, []uint32{0, 22, 4294967295}[r.Intn(3)], []int{3, 4, 5, 14}[r.Intn(4)], r.Intn(3) > 0}
				var id [16]byte
				if r.Intn(20) > 0 {
					r.Read(id[:])
				}
				span(s, r, id)
				record(s, r, id)
			}
		}
	}
}
