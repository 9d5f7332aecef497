// SPDX-License-Identifier: Apache-2.0

// go-client PROTOCOL ENDPOINT COUNT: exports COUNT spans with the OpenTelemetry
// SDK for Go; fails when the exporter reports an error.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"strconv"
	"strings"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/trace"
)

func exporter(ctx context.Context, protocol, endpoint string) (*otlptrace.Exporter, error) {
	if strings.HasPrefix(protocol, "grpc") {
		options := []otlptracegrpc.Option{otlptracegrpc.WithEndpoint(endpoint), otlptracegrpc.WithInsecure()}
		if strings.HasSuffix(protocol, "gzip") {
			options = append(options, otlptracegrpc.WithCompressor("gzip"))
		}
		return otlptracegrpc.New(ctx, options...)
	}
	options := []otlptracehttp.Option{otlptracehttp.WithEndpoint(endpoint), otlptracehttp.WithInsecure()}
	if strings.HasSuffix(protocol, "gzip") {
		options = append(options, otlptracehttp.WithCompression(otlptracehttp.GzipCompression))
	}
	return otlptracehttp.New(ctx, options...)
}

func main() {
	ctx := context.Background()
	protocol, endpoint := os.Args[1], os.Args[2]
	count, err := strconv.Atoi(os.Args[3])
	if err != nil {
		log.Fatal(err)
	}
	failed := false
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		log.Print(err)
		failed = true
	}))
	e, err := exporter(ctx, protocol, endpoint)
	if err != nil {
		log.Fatal(err)
	}
	provider := trace.NewTracerProvider(trace.WithBatcher(e, trace.WithMaxExportBatchSize(16)))
	tracer := provider.Tracer("go-interop")
	for i := 0; i < count; i++ {
		_, span := tracer.Start(ctx, fmt.Sprintf("go-%s-%d", protocol, i))
		span.SetAttributes(attribute.Int("n", i), attribute.StringSlice("list", []string{"a", "b"}))
		span.End()
	}
	if err := provider.Shutdown(ctx); err != nil || failed {
		log.Fatal("not everything was delivered: ", err)
	}
}
