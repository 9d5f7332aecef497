/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_TESTS_LIFECYCLE_H
#define SL_TESTS_LIFECYCLE_H

#include "pipeline/component.h"

/*
 * Walks a NULL-ended list of component types inside a cmocka test. Of each: name, doc and
 * slots fit together, names are unique, the settings parse, print and print the same
 * when read again; an instance in a graph on a manual worker goes through create,
 * start, drain, stop and destroy; and create survives each failing allocation.
 */
struct lifecycle_settings {
    const char *kind, *name; /* "receiver", "otlp" */
    const char *yaml;        /* flow style: "{protocols: {grpc: {endpoint: '127.0.0.1:0'}}}" */
};

/* settings: for types that need some, or ports of their own; ended by kind == NULL. Others get
 * their defaults. */
void lifecycle_check(const struct sl_component_type *const *types,
                     const struct lifecycle_settings *settings);

#endif
