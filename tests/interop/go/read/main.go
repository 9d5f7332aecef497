// SPDX-License-Identifier: Apache-2.0

// go-read FILE: reads OTLP/JSON lines the way the Collector's otlpjsonfile
// receiver does (pdata's unmarshalers, each tried in turn) and prints the counts
// of spans, data points and log records.
package main

import (
	"bufio"
	"fmt"
	"log"
	"os"

	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

func main() {
	file, err := os.Open(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	var spans, points, records int
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		traces, err := (&ptrace.JSONUnmarshaler{}).UnmarshalTraces(lines.Bytes())
		if err != nil {
			log.Fatal(err)
		}
		metrics, err := (&pmetric.JSONUnmarshaler{}).UnmarshalMetrics(lines.Bytes())
		if err != nil {
			log.Fatal(err)
		}
		logs, err := (&plog.JSONUnmarshaler{}).UnmarshalLogs(lines.Bytes())
		if err != nil {
			log.Fatal(err)
		}
		spans += traces.SpanCount()
		points += metrics.DataPointCount()
		records += logs.LogRecordCount()
	}
	if err := lines.Err(); err != nil {
		log.Fatal(err)
	}
	fmt.Println(spans, points, records)
}
