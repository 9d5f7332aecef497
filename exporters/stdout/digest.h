/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_EXPORTERS_STDOUT_DIGEST_H
#define SL_EXPORTERS_STDOUT_DIGEST_H

#include "otlp/view.h"

/*
 * What the tree shows of one span: small texts copied out of it, so that the
 * batch need not be kept until the trace is complete.
 */
enum { DIGEST_TEXT = 96, DIGEST_NAME = 64 };

struct digest {
    struct digest *next, *first_child, *sibling; /* while a trace is laid out */
    uint8_t span_id[8], parent_id[8];
    bool has_parent, is_child, placed;
    unsigned order; /* of coming, while a trace is laid out */
    uint64_t start_ns, end_ns;
    uint32_t status;
    int64_t input_tokens, output_tokens; /* -1: not said */
    char name[DIGEST_NAME], operation[DIGEST_NAME], model[DIGEST_NAME];
    char input_role[16], output_role[16];
    char input[DIGEST_TEXT], output[DIGEST_TEXT], error[DIGEST_TEXT];
};

/* Reads the span into *ret_digest; scratch is used for unescaping. */
void digest_span(struct sl_batch *batch, struct sl_part *span, struct sl_out *scratch,
                 struct digest *ret_digest);

/* Copies text as one line of at most size - 1 bytes: control characters become
 * blanks, runs of blanks one, and what is cut off ends in an ellipsis. */
void digest_line(struct sl_bytes text, char *out, size_t size);

#endif
