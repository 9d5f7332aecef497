// SPDX-License-Identifier: Apache-2.0
// node export.js PROTOCOL ENDPOINT COUNT: exports COUNT spans with the
// OpenTelemetry SDK; exits 0 when the exporter reported success for all.
const protocol = process.argv[2];
const endpoint = process.argv[3];
const count = Number(process.argv[4]);
const { BasicTracerProvider, BatchSpanProcessor } = require('@opentelemetry/sdk-trace-base');
const { resourceFromAttributes } = require('@opentelemetry/resources');

function makeExporter() {
  if (protocol === 'grpc') {
    const { OTLPTraceExporter } = require('@opentelemetry/exporter-trace-otlp-grpc');
    return new OTLPTraceExporter({ url: endpoint });
  }
  const name = protocol === 'http/json' ? '@opentelemetry/exporter-trace-otlp-http' : '@opentelemetry/exporter-trace-otlp-proto';
  const { OTLPTraceExporter } = require(name);
  return new OTLPTraceExporter({ url: endpoint + '/v1/traces' });
}

const inner = makeExporter();
let failures = 0;
const exporter = {
  export(spans, callback) {
    inner.export(spans, (result) => {
      if (result.code !== 0) {
        failures += 1;
        console.error(result.error);
      }
      callback(result);
    });
  },
  shutdown: () => inner.shutdown(),
  forceFlush: () => (inner.forceFlush ? inner.forceFlush() : Promise.resolve()),
};

const provider = new BasicTracerProvider({
  resource: resourceFromAttributes({ 'service.name': 'js-client' }),
  spanProcessors: [new BatchSpanProcessor(exporter, { maxExportBatchSize: 10 })],
});
const tracer = provider.getTracer('js-scenario', '1.0');
for (let i = 0; i < count; i++) {
  const span = tracer.startSpan(`js-span-${i}`, {
    attributes: { 'gen_ai.system': 'openai', 'gen_ai.request.model': 'gpt-4o-mini', index: i, ratio: 0.5, flag: true, list: ['a', 'b'] },
  });
  span.addEvent('note', { text: `mail js${i}@example.com` });
  span.end();
}
provider
  .forceFlush()
  .then(() => provider.shutdown())
  .then(() => process.exit(failures === 0 ? 0 : 1))
  .catch((error) => {
    console.error(error);
    process.exit(1);
  });
