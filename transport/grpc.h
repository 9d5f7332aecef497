/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_TRANSPORT_GRPC_H
#define SL_TRANSPORT_GRPC_H

#include <stdbool.h>

#include "core/error.h"
#include "core/out.h"

/*
 * The small things of gRPC over HTTP/2, for both sides: messages inside a body,
 * and the values of its headers.
 */
enum { SL_GRPC_PREFIX = 5 };

enum sl_grpc_event {
    SL_GRPC_MORE,  /* all input is used; feed more */
    SL_GRPC_BEGIN, /* a prefix is complete: framer->length and ->compressed hold */
    SL_GRPC_DATA,  /* *ret_data: bytes of the message, inside the input */
    SL_GRPC_END,   /* the message is complete */
    SL_GRPC_ERROR  /* the compressed flag is neither 0 nor 1 */
};

/* Zeroed memory is a framer before its first message. */
struct sl_grpc_framer {
    bool compressed;
    uint32_t length;
    unsigned messages; /* complete ones */

    /* private */
    uint8_t prefix[SL_GRPC_PREFIX];
    unsigned have;
    uint32_t left;
    int state;
};

/* Takes bytes off the front of *input; frames need not align with anything. */
enum sl_grpc_event sl_grpc_next(struct sl_grpc_framer *framer, struct sl_bytes *input,
                                struct sl_bytes *ret_data);
bool sl_grpc_at_boundary(const struct sl_grpc_framer *framer); /* between messages */
void sl_grpc_write_prefix(uint8_t prefix[SL_GRPC_PREFIX], bool compressed, uint32_t length);

/* grpc-timeout: up to 8 digits and one of H M S m u n. Parts of a millisecond are
 * rounded up. false: malformed. */
bool sl_grpc_timeout_read(struct sl_bytes text, uint64_t *ret_ms);
void sl_grpc_timeout_write(uint64_t ms, struct sl_out *out);

/* grpc-message: percent-coded. Reading is lenient: a bad escape stands for itself. */
void sl_grpc_message_write(struct sl_bytes text, struct sl_out *out);
void sl_grpc_message_read(struct sl_bytes text, struct sl_out *out);

/* "-bin" headers: base64. Written unpadded; read padded or not, standard or URL-safe.
 * false: not base64. */
void sl_grpc_bin_write(struct sl_bytes bytes, struct sl_out *out);
bool sl_grpc_bin_read(struct sl_bytes text, struct sl_out *out);

#endif
