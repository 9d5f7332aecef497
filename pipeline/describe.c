/* SPDX-License-Identifier: Apache-2.0 */
/* What print-config, components, config-schema and the reference pages show: all
 * of it read from the components' tables. */
#include <stdio.h>
#include <string.h>

#include "pipeline/plan_internal.h"

static const char *const stability_names[] = {"development", "alpha", "beta", "stable"};
static const struct sl_field no_fields[] = {SL_END};

static void print_signals(unsigned signals, FILE *out)
{
    const char *comma = "";
    for (unsigned signal = SL_TRACES; signal <= SL_LOGS; signal <<= 1) {
        if ((signals & signal) == 0)
            continue;
        fprintf(out, "%s%s", comma, sl_signal_name((enum sl_signal)signal));
        comma = ", ";
    }
    if (signals == 0)
        fputs("none", out);
}

/* ---- print-config ---- */

/* Ids need no quotes but for the few that YAML reads otherwise. */
static void print_id(const char *id, FILE *out)
{
    bool plain = strpbrk(id, "#:,[]{}&*!'\"%@?-") == NULL && strcmp(id, "null") != 0 &&
                 strcmp(id, "true") != 0 && strcmp(id, "false") != 0 && strcmp(id, "yes") != 0 &&
                 strcmp(id, "no") != 0 && strcmp(id, "on") != 0 && strcmp(id, "off") != 0;
    if (plain) {
        fputs(id, out);
        return;
    }
    fputc('\'', out);
    for (const char *at = id; *at != '\0'; at++) {
        if (*at == '\'')
            fputc('\'', out);
        fputc(*at, out);
    }
    fputc('\'', out);
}

static void print_refs(const char *name, const struct sl_plan_refs *refs, int indent, FILE *out)
{
    fprintf(out, "%*s%s: [", indent, "", name);
    for (unsigned i = 0; i < refs->count; i++) {
        fputs(i > 0 ? ", " : "", out);
        print_id(refs->items[i]->id, out);
    }
    fputs("]\n", out);
}

static bool has_fields(const struct sl_component_type *type)
{
    if (type->fields == NULL)
        return false;
    for (const struct sl_field *field = type->fields; field->name != NULL; field++)
        if (field->type != SL_T_IGNORED)
            return true;
    return false;
}

static void print_section(const struct sl_plan *plan, unsigned section, FILE *out)
{
    bool named = false;
    for (struct sl_plan_component *at = plan->sections[section].first; at != NULL; at = at->next) {
        if (at->type == NULL)
            continue;
        if (!named)
            fprintf(out, "%s:\n", sl_section_names[section]);
        named = true;
        fputs("  ", out);
        print_id(at->id, out);
        fputs(has_fields(at->type) ? ":\n" : ": {}\n", out);
        if (has_fields(at->type))
            sl_schema_print_yaml(at->type->fields, at->config, 4, out);
    }
}

void sl_plan_print(const struct sl_plan *plan, FILE *out)
{
    static const unsigned order[] = {SL_EXTENSION, SL_RECEIVER, SL_PROCESSOR, SL_EXPORTER};
    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
        print_section(plan, order[i], out);
    fputs("service:\n", out);
    print_refs("extensions", &plan->extensions, 2, out);
    fputs("  pipelines:\n", out);
    for (struct sl_plan_pipeline *at = plan->pipelines; at != NULL; at = at->next) {
        fputs("    ", out);
        print_id(at->id, out);
        fputs(":\n", out);
        print_refs("receivers", &at->receivers, 6, out);
        print_refs("processors", &at->processors, 6, out);
        print_refs("exporters", &at->exporters, 6, out);
    }
    sl_schema_print_yaml(sl_service_rest_fields, &plan->service, 2, out);
}

/* ---- components ---- */

void sl_types_list(const struct sl_component_type *const *types, FILE *out)
{
    int width = 0;
    for (size_t i = 0; types[i] != NULL; i++)
        width = (int)strlen(types[i]->name) > width ? (int)strlen(types[i]->name) : width;
    for (unsigned kind = SL_RECEIVER; kind <= SL_EXTENSION; kind++) {
        bool named = false;
        for (size_t i = 0; types[i] != NULL; i++) {
            const struct sl_component_type *type = types[i];
            if ((unsigned)type->kind != kind)
                continue;
            if (!named)
                fprintf(out, "%s:\n", sl_section_names[kind]);
            named = true;
            fprintf(out, "  %-*s  %-11s  ", width, type->name, stability_names[type->stability]);
            if (kind != SL_EXTENSION)
                print_signals(type->signals, out);
            fprintf(out, "%s%s", kind != SL_EXTENSION ? ": " : "", type->doc);
            if (type->aliases != NULL && *type->aliases != '\0')
                fprintf(out, " (also: %s)", type->aliases);
            fputc('\n', out);
        }
    }
}

/* ---- reference page ---- */

void sl_type_print_markdown(const struct sl_component_type *type, FILE *out)
{
    fprintf(out, "# %s %s\n\n%s\n\n", type->name, sl_section_nouns[type->kind], type->doc);
    fprintf(out, "- Section: `%s`\n", sl_section_names[type->kind]);
    if (type->kind != SL_EXTENSION) {
        fputs("- Signals: ", out);
        print_signals(type->signals, out);
        fputc('\n', out);
    }
    fprintf(out, "- Stability: %s\n", stability_names[type->stability]);
    fprintf(out, "- Instances: %s\n",
            type->placement == SL_ONE_WORKER ? "one, on the first worker" : "one a worker");
    if (type->aliases != NULL && *type->aliases != '\0') {
        fputs("- Other names:", out);
        for (const char *at = type->aliases; *at != '\0'; at += strspn(at, " ")) {
            int length = (int)strcspn(at, " ");
            fprintf(out, " `%.*s`", length, at);
            at += length;
        }
        fputc('\n', out);
    }
    if (type->kind == SL_PROCESSOR && type->drops_unknown)
        fputs("- Unknown protobuf fields do not survive it.\n", out);
    fputs("\n## Configuration\n\n", out);
    if (type->fields == NULL || type->fields->name == NULL)
        fputs("It has no keys.\n", out);
    else
        sl_schema_print_markdown(type->fields, out);
}

/* ---- JSON Schema ---- */

static void print_kind_schema(const struct sl_component_type *const *types, unsigned kind,
                              FILE *out)
{
    fprintf(out, "    \"%s\": {\n      \"type\": [\"object\", \"null\"],\n",
            sl_section_names[kind]);
    fputs("      \"patternProperties\": {", out);
    const char *comma = "\n";
    for (size_t i = 0; types[i] != NULL; i++) {
        const struct sl_component_type *type = types[i];
        if ((unsigned)type->kind != kind)
            continue;
        fprintf(out, "%s        \"^(%s", comma, type->name);
        for (const char *at = type->aliases; at != NULL && *at != '\0';) {
            size_t length = strcspn(at, " ");
            fprintf(out, "|%.*s", (int)length, at);
            at += length;
            at += strspn(at, " ");
        }
        fputs(")(/.+)?$\": {\n          \"anyOf\": [\n            { \"type\": \"null\" },\n"
              "            ",
              out);
        sl_schema_print_json(type->fields != NULL ? type->fields : no_fields, 12, out);
        fputs("\n          ]\n        }", out);
        comma = ",\n";
    }
    fputs("\n      },\n      \"additionalProperties\": false\n    },\n", out);
}

static void print_pipelines_schema(FILE *out)
{
    fputs("        \"extensions\": { \"$ref\": \"#/$defs/ids\" },\n"
          "        \"pipelines\": {\n"
          "          \"type\": \"object\",\n"
          "          \"minProperties\": 1,\n"
          "          \"patternProperties\": {\n"
          "            \"^(traces|metrics|logs)(/.+)?$\": {\n"
          "              \"type\": \"object\",\n"
          "              \"properties\": {\n"
          "                \"receivers\": { \"$ref\": \"#/$defs/ids\" },\n"
          "                \"processors\": { \"$ref\": \"#/$defs/ids\" },\n"
          "                \"exporters\": { \"$ref\": \"#/$defs/ids\" }\n"
          "              },\n"
          "              \"required\": [\"receivers\", \"exporters\"],\n"
          "              \"additionalProperties\": false\n"
          "            }\n"
          "          },\n"
          "          \"additionalProperties\": false\n"
          "        }\n",
          out);
}

void sl_types_print_schema(const struct sl_component_type *const *types, FILE *out)
{
    fputs("{\n  \"$schema\": \"https://json-schema.org/draft/2020-12/schema\",\n"
          "  \"title\": \"Sluice configuration\",\n  \"type\": \"object\",\n"
          "  \"$defs\": {\n"
          "    \"ids\": { \"type\": [\"array\", \"null\"], \"items\": { \"type\": \"string\" } }\n"
          "  },\n"
          "  \"required\": [\"receivers\", \"exporters\", \"service\"],\n"
          "  \"additionalProperties\": false,\n  \"properties\": {\n",
          out);
    for (unsigned kind = SL_RECEIVER; kind <= SL_EXTENSION; kind++)
        print_kind_schema(types, kind, out);
    fputs("    \"connectors\": { \"type\": [\"object\", \"null\"] },\n"
          "    \"service\": {\n      \"type\": \"object\",\n      \"required\": [\"pipelines\"],\n"
          "      \"allOf\": [",
          out);
    sl_schema_print_json(sl_service_fields, 8, out);
    fputs("],\n      \"properties\": {\n", out);
    print_pipelines_schema(out);
    fputs("      }\n    }\n  }\n}\n", out);
}
