const KEY = 'cpt_monitor_…';

/** The two lines of an application's start. */
export const INSTRUMENT = (endpoint: string, key = KEY) => `from century.client import instrument

app = instrument(app, service="my-service", endpoint="${endpoint}", key="${key}")
`;

/** What the plain OpenTelemetry SDK, in any language, reads from its environment. */
export const ENVIRONMENT = (endpoint: string, key = KEY) => `OTEL_SERVICE_NAME=my-service
OTEL_EXPORTER_OTLP_ENDPOINT=${endpoint}
OTEL_EXPORTER_OTLP_HEADERS=authorization=Bearer%20${key}
OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf
OTEL_METRIC_EXPORT_INTERVAL=10000
OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE=delta
OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION=base2_exponential_bucket_histogram
OTEL_SEMCONV_STABILITY_OPT_IN=http
`;

export const COLLECTOR = (endpoint: string, key = KEY) => `exporters:
  otlphttp/century:
    endpoint: ${endpoint}
    headers:
      authorization: "Bearer ${key}"
    sending_queue:
      enabled: true
    retry_on_failure:
      enabled: true

service:
  pipelines:
    metrics:
      receivers: [otlp]
      exporters: [otlphttp/century]
    traces:
      receivers: [otlp]
      exporters: [otlphttp/century]
`;

export const DEPLOYMENT = (endpoint: string, key = KEY) => `curl -sS ${endpoint}/graphql \\
  -H "authorization: Bearer ${key}" \\
  -H "content-type: application/json" \\
  -d '{"query": "mutation { recordDeployment(input: { service: \\"my-service\\", version: \\"1.2.3\\" }) { deployment { id } } }"}'
`;

export const COMMAND = 'century keys create my-service --scope ingest';
