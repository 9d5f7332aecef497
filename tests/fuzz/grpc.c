/* SPDX-License-Identifier: Apache-2.0 */
/* gRPC framing cut at places the first byte chooses, and the codings of header values. */
#include <assert.h>

#include "transport/grpc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void frames(struct sl_bytes bytes, size_t piece)
{
    struct sl_grpc_framer framer = {0};
    uint64_t got = 0, declared = 0;
    while (bytes.size > 0) {
        size_t take = bytes.size < piece ? bytes.size : piece;
        struct sl_bytes input = sl_bytes(bytes.data, take), message;
        bytes = sl_bytes(bytes.data + take, bytes.size - take);
        enum sl_grpc_event event;
        while ((event = sl_grpc_next(&framer, &input, &message)) != SL_GRPC_MORE) {
            if (event == SL_GRPC_ERROR)
                return;
            if (event == SL_GRPC_BEGIN)
                declared += framer.length;
            else if (event == SL_GRPC_DATA)
                got += message.size;
            else
                assert(got == declared);
        }
        assert(input.size == 0 && got <= declared);
    }
}

static void codings(struct sl_bytes bytes)
{
    struct sl_out coded = {0}, plain = {0};
    uint64_t ms;
    (void)sl_grpc_timeout_read(bytes, &ms);
    sl_grpc_message_write(bytes, &coded);
    sl_grpc_message_read(sl_out_view(&coded), &plain);
    assert(sl_bytes_equal(sl_out_view(&plain), bytes));
    sl_out_clear(&coded);
    sl_out_clear(&plain);
    sl_grpc_bin_write(bytes, &coded);
    assert(sl_grpc_bin_read(sl_out_view(&coded), &plain));
    assert(sl_bytes_equal(sl_out_view(&plain), bytes));
    sl_grpc_message_read(bytes, &plain);
    (void)sl_grpc_bin_read(bytes, &plain);
    sl_out_done(&coded);
    sl_out_done(&plain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    struct sl_bytes rest = sl_bytes(data + 1, size - 1);
    frames(rest, 1 + data[0] % 16);
    codings(rest);
    return 0;
}
