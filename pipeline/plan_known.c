/* SPDX-License-Identifier: Apache-2.0 */
/* Components that the OpenTelemetry Collector (core and contrib) has and this build
 * has not: they get an error that says so, once for all of them, instead of "unknown". */
#include <string.h>

#include "core/out.h"
#include "pipeline/plan_internal.h"

/* By section; names between blanks. Alphabetical. */
static const char *const known[SL_SECTION_COUNT] = {
    [SL_RECEIVER] =
        " active_directory_ds aerospike apache awscloudwatch awscontainerinsight "
        "awsecscontainermetrics "
        "awsfirehose awss3 awsxray azureblob azureeventhub azuremonitor bigip carbon chrony "
        "cloudflare cloudfoundry collectd couchdb datadog docker_stats elasticsearch faro filelog "
        "filestats flinkmetrics fluentforward github gitlab googlecloudmonitoring "
        "googlecloudpubsub googlecloudspanner haproxy hostmetrics httpcheck iis influxdb jaeger "
        "jmx journald k8s_cluster k8s_events k8sobjects kafka kafkametrics kubeletstats loki "
        "memcached mongodb mongodbatlas mysql namedpipe netflow nginx nop nsxt ntp opencensus "
        "oracledb "
        "osquery otelarrow otlp otlpjsonfile podman_stats postgresql prometheus prometheus_simple "
        "prometheusremotewrite pulsar purefa purefb rabbitmq receiver_creator redis riak saphana "
        "sapm signalfx simpleprometheus skywalking snmp snowflake solace splunk_hec "
        "splunkenterprise sqlquery sqlserver sshcheck stanza statsd stef syslog systemd tcpcheck "
        "tcplog "
        "tlscheck udplog vcenter wavefront webhookevent windowseventlog windowsperfcounters "
        "windowsservice yanggrpc zipkin zookeeper ",
    [SL_PROCESSOR] =
        " attributes batch coralogix cumulativetodelta datadogsemantics deltatocumulative "
        "deltatorate dns_lookup filter geoip "
        "groupbyattrs groupbytrace interval isolationforest k8sattributes k8s_attributes log_dedup "
        "logdedup "
        "logstransform logs_transform lookup memory_limiter metricsgeneration metrics_generation "
        "metricstarttime metricstransform metrics_transform probabilistic_sampler redaction "
        "remotetap resource resourcedetection resource_detection routing schema span "
        "spanmetrics spanpruning sumologic tail_sampling transform unroll ",
    [SL_EXPORTER] =
        " alertmanager alibabacloud_logservice awscloudwatchlogs awsemf awskinesis awss3 awsxray "
        "azureblob azuredataexplorer azuremonitor bmchelix carbon cassandra clickhouse coralogix "
        "datadog dataset debug doris elasticsearch faro file googlecloud googlecloudpubsub "
        "googlecloudstorage googlemanagedprometheus honeycombmarker influxdb jaeger jaeger_thrift "
        "kafka kinetica load_balancing loadbalancing logicmonitor logzio loki mezmo nop "
        "opencensus opensearch otelarrow otlp otlphttp prometheus prometheusremotewrite "
        "prometheus_remote_write pulsar rabbitmq sapm sematext sentry signalfx splunk_hec stef "
        "sumologic syslog tencentcloud_logservice tinybird zipkin ",
    [SL_EXTENSION] =
        " ack asapclient avro_log_encoding awslogs_encoding awsproxy azureauth azure_auth "
        "azure_encoding basicauth bearertokenauth cfgardenobserver cgroupruntime datadog "
        "db_storage docker_observer "
        "ecs_observer ecs_task_observer file_storage googleclientauth googlecloudlogentry_encoding "
        "headers_setter "
        "health_check healthcheckv2 host_observer http_forwarder httpforwarder jaeger_encoding "
        "jaegerremotesampling json_log_encoding k8s_leader_elector k8s_observer "
        "kafkatopics_observer "
        "memory_ballast memory_limiter oauth2client oidc opamp opampcustommessages otlp_encoding "
        "pprof "
        "redis_storage remotetap sigv4auth skywalking_encoding solarwindsapmsettings sumologic "
        "text_encoding zipkin_encoding zpages ",
    [SL_SECTION_CONNECTORS] =
        " count datadog exceptions failover forward grafanacloud metricsaslogs otlpjson "
        "roundrobin routing servicegraph signaltometrics signal_to_metrics slowsql spanmetrics "
        "span_metrics sum ",
};

static const struct hint {
    unsigned section;
    const char *name, *text;
} hints[] = {
    {SL_EXPORTER, "logging", "the logging exporter is gone from the Collector: use 'debug'"},
    {SL_EXPORTER, "jaeger",
     "the jaeger exporter is gone from the Collector: Jaeger takes OTLP, use 'otlp'"},
    {SL_EXTENSION, "memory_ballast",
     "the memory_ballast extension has no use here: set service.memory_limit"},
    {SL_PROCESSOR, "spanmetrics", "spanmetrics is a connector, and connectors are not built here"},
};

bool sl_known_elsewhere(unsigned section, const char *name, size_t size)
{
    const char *at = known[section];
    while (*(at += strspn(at, " ")) != '\0') {
        size_t length = strcspn(at, " ");
        if (length == size && memcmp(at, name, size) == 0)
            return true;
        at += length;
    }
    return false;
}

const char *sl_known_hint(unsigned section, const char *name, size_t size)
{
    for (size_t i = 0; i < sizeof hints / sizeof *hints; i++)
        if (hints[i].section == section && strlen(hints[i].name) == size &&
            memcmp(hints[i].name, name, size) == 0)
            return hints[i].text;
    return NULL;
}

static void list_missing(const struct sl_plan_component *component, unsigned section,
                         struct sl_out *list)
{
    sl_out_printf(list, "%s%s '%s' (%s:%d:%d%s%s)", list->size > 0 ? ", " : "",
                  sl_section_nouns[section], component->id,
                  component->node->key_place.file ? component->node->key_place.file : "--set",
                  component->node->key_place.line, component->node->key_place.column,
                  component->used_by != NULL ? ", used by " : "",
                  component->used_by != NULL ? component->used_by : "");
}

void sl_plan_report_missing(struct sl_planner *planner)
{
    struct sl_out list = {.limit = 64 * 1024};
    const struct sl_plan_component *first = NULL;
    unsigned count = 0;

    for (unsigned section = 0; section < SL_SECTION_COUNT; section++) {
        struct sl_plan_component *at = planner->plan->sections[section].first;
        for (; at != NULL; at = at->next) {
            if (!at->missing)
                continue;
            if (at->used_by == NULL && section != SL_SECTION_CONNECTORS) {
                sl_diag_add(planner->diag, SL_DIAG_WARNING, at->node->key_place, at->path,
                            "the Collector's %s '%s' is not built here; no pipeline uses it",
                            sl_section_nouns[section], at->id);
                continue;
            }
            first = first == NULL ? at : first;
            count++;
            list_missing(at, section, &list);
        }
    }
    if (first != NULL)
        sl_diag_add(planner->diag, SL_DIAG_ERROR, first->node->key_place, NULL,
                    "%u component%s of the Collector %s not built here: %s", count,
                    count == 1 ? "" : "s", count == 1 ? "is" : "are", sl_out_cstr(&list));
    sl_out_done(&list);
}
