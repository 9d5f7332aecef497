/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading and encoding as a filter, for wire_compare.py: frames of {signal in
 * one byte, length in 4 bytes little-endian, request} from standard input,
 * {status in one byte, length, request as encoded again} to standard output.
 */
#include <stdio.h>
#include <stdlib.h>

#include "otlp/batch.h"

static int encode_again(enum sl_signal signal, struct sl_buf *body, struct sl_out *out)
{
    struct sl_batch *batch;
    struct sl_error error;
    int rc = sl_batch_read(signal, body, NULL, &batch, NULL, &error);
    if (rc != SL_OK)
        return rc;
    rc = sl_batch_encode(batch, out);
    sl_batch_unref(batch);
    return rc;
}

int main(void)
{
    uint8_t header[5];
    while (fread(header, 1, sizeof header, stdin) == sizeof header) {
        uint32_t size;
        memcpy(&size, header + 1, sizeof size);
        struct sl_buf *body = sl_buf_new(NULL, size);
        struct sl_out out = {0};
        if (body == NULL || fread(body->data, 1, size, stdin) != size)
            return EXIT_FAILURE;
        body->size = size;
        header[0] = (uint8_t)encode_again((enum sl_signal)header[0], body, &out);
        size = (uint32_t)out.size;
        memcpy(header + 1, &size, sizeof size);
        (void)fwrite(header, 1, sizeof header, stdout);
        if (size > 0)
            (void)fwrite(out.data, 1, size, stdout);
        (void)fflush(stdout);
        sl_out_done(&out);
        sl_buf_unref(body);
    }
    return EXIT_SUCCESS;
}
