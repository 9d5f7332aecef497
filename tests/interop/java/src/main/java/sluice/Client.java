// SPDX-License-Identifier: Apache-2.0
package sluice;

import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.trace.Tracer;
import io.opentelemetry.exporter.otlp.http.trace.OtlpHttpSpanExporter;
import io.opentelemetry.exporter.otlp.trace.OtlpGrpcSpanExporter;
import io.opentelemetry.sdk.common.CompletableResultCode;
import io.opentelemetry.sdk.trace.SdkTracerProvider;
import io.opentelemetry.sdk.trace.data.SpanData;
import io.opentelemetry.sdk.trace.export.BatchSpanProcessor;
import io.opentelemetry.sdk.trace.export.SpanExporter;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;

/** Client PROTOCOL ENDPOINT COUNT: exports COUNT spans; fails when the exporter reports an error. */
public final class Client {
  private static SpanExporter exporter(String protocol, String endpoint) {
    String compression = protocol.endsWith("gzip") ? "gzip" : "none";
    if (protocol.startsWith("grpc")) {
      return OtlpGrpcSpanExporter.builder().setEndpoint(endpoint).setCompression(compression).build();
    }
    return OtlpHttpSpanExporter.builder().setEndpoint(endpoint + "/v1/traces").setCompression(compression).build();
  }

  public static void main(String[] args) {
    SpanExporter inner = exporter(args[0], args[1]);
    AtomicBoolean failed = new AtomicBoolean();
    SpanExporter watched = new SpanExporter() {
      @Override
      public CompletableResultCode export(Collection<SpanData> spans) {
        CompletableResultCode result = inner.export(spans);
        result.whenComplete(() -> failed.compareAndSet(false, !result.isSuccess()));
        return result;
      }

      @Override
      public CompletableResultCode flush() {
        return inner.flush();
      }

      @Override
      public CompletableResultCode shutdown() {
        return inner.shutdown();
      }
    };
    SdkTracerProvider provider = SdkTracerProvider.builder()
        .addSpanProcessor(BatchSpanProcessor.builder(watched).setMaxExportBatchSize(16).build()).build();
    Tracer tracer = provider.get("java-interop");
    for (int i = 0; i < Integer.parseInt(args[2]); i++) {
      tracer.spanBuilder("java-" + args[0] + "-" + i).startSpan()
          .setAttribute(AttributeKey.stringArrayKey("list"), List.of("a", "b")).end();
    }
    provider.forceFlush().join(20, TimeUnit.SECONDS);
    provider.shutdown().join(20, TimeUnit.SECONDS);
    System.exit(failed.get() ? 1 : 0);
  }
}
