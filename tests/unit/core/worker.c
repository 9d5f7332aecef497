/* SPDX-License-Identifier: Apache-2.0 */
/* The worker: mail in order, timers in order, one clock, clean ends. */
#include "core/worker.h"

#include <pthread.h>
#include <stdlib.h>

#include "core/alloc.h"
#include "core/budget.h"
#include "tests/check.h"

/* What happened, one letter an event. */
static struct {
    char text[64];
    size_t size;
} story;

static void tell(char c)
{
    assert_true(story.size < sizeof story.text - 1);
    story.text[story.size++] = c;
    story.text[story.size] = '\0';
}

struct letter {
    struct sl_mail mail;
    char name;
    struct sl_worker *worker;
    struct letter *answer; /* posted on delivery */
};

static void deliver_letter(struct sl_mail *mail)
{
    struct letter *letter = (struct letter *)mail;
    tell(letter->name);
    if (letter->answer != NULL)
        sl_worker_post(letter->worker, &letter->answer->mail);
}

struct alarm {
    struct sl_timer timer;
    char name;
    uint64_t again_ms; /* 0: once */
    unsigned times;
    struct letter *letter; /* posted on expiry */
    uint64_t expired_at_ms;
};

static void expire(struct sl_timer *timer)
{
    struct alarm *alarm = (struct alarm *)timer;
    tell(alarm->name);
    alarm->expired_at_ms = sl_worker_now_ms(timer->worker);
    if (alarm->letter != NULL)
        sl_worker_post(timer->worker, &alarm->letter->mail);
    if (alarm->times > 0) {
        alarm->times--;
        assert_int_equal(sl_timer_start(timer, alarm->again_ms), SL_OK);
    }
}

static struct sl_worker worker;

static int set_up(void **state)
{
    (void)state;
    story.size = 0;
    story.text[0] = '\0';
    return sl_worker_init_manual(&worker, NULL);
}

static int tear_down(void **state)
{
    (void)state;
    sl_worker_done(&worker);
    return 0;
}

static void set_alarm(struct alarm *alarm, char name, uint64_t delay_ms)
{
    *alarm = (struct alarm){.name = name};
    sl_timer_init(&alarm->timer, &worker, expire);
    CHECK_INT(sl_timer_start(&alarm->timer, delay_ms), SL_OK);
}

static void test_mail_is_delivered_in_order_at_the_next_advance(void **state)
{
    (void)state;
    struct letter letters[5];
    for (int i = 0; i < 5; i++) {
        letters[i] = (struct letter){.mail.deliver = deliver_letter, .name = (char)('a' + i)};
        sl_worker_post(&worker, &letters[i].mail);
    }
    CHECK_TEXT(story.text, "");
    sl_worker_advance(&worker, 0);
    CHECK_TEXT(story.text, "abcde");
    sl_worker_advance(&worker, 10);
    CHECK_TEXT(story.text, "abcde");
}

static void test_mail_that_mail_posts_is_delivered_too(void **state)
{
    (void)state;
    struct letter second = {.mail.deliver = deliver_letter, .name = '2'};
    struct letter first = {
        .mail.deliver = deliver_letter, .name = '1', .worker = &worker, .answer = &second};
    sl_worker_post(&worker, &first.mail);
    sl_worker_advance(&worker, 0);
    CHECK_TEXT(story.text, "12");
}

static void test_timers_run_in_order_of_time_then_of_arming(void **state)
{
    (void)state;
    static const struct {
        char name;
        uint64_t delay_ms;
    } plan[] = {{'e', 30}, {'a', 5}, {'c', 20}, {'b', 5}, {'d', 20}, {'f', 31}};
    struct alarm alarms[6];
    for (size_t i = 0; i < 6; i++)
        set_alarm(&alarms[i], plan[i].name, plan[i].delay_ms);
    uint64_t start_ms = sl_worker_now_ms(&worker);
    sl_worker_advance(&worker, 4);
    CHECK_TEXT(story.text, "");
    sl_worker_advance(&worker, 26);
    CHECK_TEXT(story.text, "abcde");
    CHECK_INT(alarms[2].expired_at_ms - start_ms, 20);
    CHECK_INT(sl_worker_now_ms(&worker) - start_ms, 30);
    sl_worker_advance(&worker, 100);
    CHECK_TEXT(story.text, "abcdef");
}

static void test_delay_zero_runs_on_the_next_turn(void **state)
{
    (void)state;
    struct alarm alarm;
    set_alarm(&alarm, 'x', 0);
    CHECK_TEXT(story.text, "");
    CHECK(sl_timer_armed(&alarm.timer));
    sl_worker_advance(&worker, 0);
    CHECK_TEXT(story.text, "x");
    CHECK(!sl_timer_armed(&alarm.timer));
}

static void test_a_stopped_timer_does_not_run(void **state)
{
    (void)state;
    struct alarm alarms[3];
    for (int i = 0; i < 3; i++)
        set_alarm(&alarms[i], (char)('a' + i), 10);
    sl_timer_stop(&alarms[1].timer);
    sl_timer_stop(&alarms[1].timer);
    CHECK(!sl_timer_armed(&alarms[1].timer));
    sl_worker_advance(&worker, 10);
    CHECK_TEXT(story.text, "ac");
}

static void test_starting_again_moves_a_timer_both_ways(void **state)
{
    (void)state;
    struct alarm a, b, c;
    set_alarm(&a, 'a', 10);
    set_alarm(&b, 'b', 20);
    set_alarm(&c, 'c', 30);
    CHECK_INT(sl_timer_start(&a.timer, 25), SL_OK);
    CHECK_INT(sl_timer_start(&c.timer, 5), SL_OK);
    sl_worker_advance(&worker, 40);
    CHECK_TEXT(story.text, "cba");
}

static void test_a_timer_may_arm_itself_again(void **state)
{
    (void)state;
    struct alarm alarm;
    set_alarm(&alarm, 't', 10);
    alarm.again_ms = 10;
    alarm.times = 100;
    sl_worker_advance(&worker, 35);
    CHECK_TEXT(story.text, "ttt");
    sl_timer_stop(&alarm.timer);
}

static void test_mail_is_delivered_between_the_steps_of_one_advance(void **state)
{
    (void)state;
    struct letter letter = {.mail.deliver = deliver_letter, .name = 'm'};
    struct alarm a, b;
    set_alarm(&a, 'a', 10);
    set_alarm(&b, 'b', 20);
    a.letter = &letter;
    sl_worker_advance(&worker, 20);
    CHECK_TEXT(story.text, "amb");
}

static void expire_for_ever(struct sl_timer *timer)
{
    assert_int_equal(sl_timer_start(timer, 0), SL_OK);
}

static void test_a_timer_that_is_always_due_does_not_stop_the_clock(void **state)
{
    (void)state;
    struct sl_timer timer;
    sl_timer_init(&timer, &worker, expire_for_ever);
    CHECK_INT(sl_timer_start(&timer, 0), SL_OK);
    uint64_t start_ms = sl_worker_now_ms(&worker);
    sl_worker_advance(&worker, 3);
    CHECK_INT(sl_worker_now_ms(&worker) - start_ms, 3);
}

static void test_the_wall_clock_moves_with_the_worker(void **state)
{
    (void)state;
    uint64_t wall_ns = sl_worker_wall_ns(&worker);
    sl_worker_advance(&worker, 1500);
    CHECK_INT(sl_worker_wall_ns(&worker) - wall_ns, 1500000000);
}

static void test_many_timers_come_out_sorted(void **state)
{
    (void)state;
    enum { COUNT = 500 };
    static struct alarm alarms[COUNT];
    uint64_t start_ms = sl_worker_now_ms(&worker);
    unsigned seed = 7;
    static uint64_t due_ms[COUNT];
    for (int i = 0; i < COUNT; i++) {
        seed = seed * 1103515245u + 12345u;
        due_ms[i] = seed >> 16 & 0x3FF;
        set_alarm(&alarms[i], '.', due_ms[i]);
    }
    for (int i = 0; i < COUNT; i += 3)
        sl_timer_stop(&alarms[i].timer);
    for (uint64_t at = 0; at <= 0x3FF; at++) {
        story.size = 0;
        sl_worker_advance(&worker, at == 0 ? 0 : 1);
    }
    for (int i = 0; i < COUNT; i++)
        CHECK_INT(alarms[i].expired_at_ms, i % 3 == 0 ? 0 : start_ms + due_ms[i]);
}

static void test_a_full_heap_and_no_memory_is_an_error(void **state)
{
    (void)state;
    struct alarm alarm = {.name = 'x'};
    sl_timer_init(&alarm.timer, &worker, expire);
    (void)sl_alloc_fail_after(0);
    int rc = sl_timer_start(&alarm.timer, 1);
    (void)sl_alloc_fail_after(-1);
    CHECK_INT(rc, SL_ENOMEM);
    CHECK(!sl_timer_armed(&alarm.timer));
    CHECK_INT(sl_timer_start(&alarm.timer, 1), SL_OK);
    sl_timer_stop(&alarm.timer);
}

static void on_uv_close(uv_handle_t *handle)
{
    (void)handle;
    tell('c');
}

static void test_advance_turns_the_uv_loop(void **state)
{
    (void)state;
    uv_idle_t idle;
    (void)uv_idle_init(&worker.loop, &idle);
    uv_close((uv_handle_t *)&idle, on_uv_close);
    CHECK_TEXT(story.text, "");
    sl_worker_advance(&worker, 0);
    CHECK_TEXT(story.text, "c");
}

static void test_done_delivers_what_is_left_and_disarms_timers(void **state)
{
    (void)state;
    struct sl_worker other;
    CHECK_INT(sl_worker_init(&other, 0, 1, NULL, NULL), SL_OK);
    struct letter second = {.mail.deliver = deliver_letter, .name = '2'};
    struct letter first = {
        .mail.deliver = deliver_letter, .name = '1', .worker = &other, .answer = &second};
    struct sl_timer timer;
    sl_timer_init(&timer, &other, expire);
    CHECK_INT(sl_timer_start(&timer, 3600000), SL_OK);
    sl_worker_post(&other, &first.mail);
    sl_worker_done(&other);
    CHECK_TEXT(story.text, "12");
    CHECK(!sl_timer_armed(&timer));
    sl_timer_stop(&timer);
}

static void stop_on_expiry(struct sl_timer *timer)
{
    expire(timer);
    sl_worker_stop(timer->worker);
}

static void test_a_real_loop_runs_timers_and_ends(void **state)
{
    (void)state;
    struct sl_worker real;
    CHECK_INT(sl_worker_init(&real, 0, 1, NULL, NULL), SL_OK);
    struct alarm first = {.name = 'a'}, now = {.name = '0'}, last = {.name = 'z'};
    sl_timer_init(&first.timer, &real, expire);
    sl_timer_init(&now.timer, &real, expire);
    sl_timer_init(&last.timer, &real, stop_on_expiry);
    uint64_t start_ms = sl_worker_now_ms(&real);
    CHECK_INT(sl_timer_start(&last.timer, 20), SL_OK);
    CHECK_INT(sl_timer_start(&first.timer, 10), SL_OK);
    CHECK_INT(sl_timer_start(&now.timer, 0), SL_OK);
    CHECK_TEXT(story.text, "");
    sl_worker_run(&real);
    CHECK_TEXT(story.text, "0az");
    CHECK(first.expired_at_ms >= start_ms + 10);
    CHECK(last.expired_at_ms >= start_ms + 20);
    sl_worker_done(&real);
}

enum { SENDERS = 4, EACH = 2000 };

struct parcel {
    struct sl_mail mail;
    unsigned sender, number;
};

static struct {
    struct sl_worker worker;
    unsigned next[SENDERS], total;
    bool in_order;
} office;

static void deliver_parcel(struct sl_mail *mail)
{
    struct parcel *parcel = (struct parcel *)mail;
    if (parcel->number != office.next[parcel->sender]++)
        office.in_order = false;
    if (++office.total == SENDERS * EACH)
        sl_worker_stop(&office.worker);
    free(parcel);
}

static void *send_parcels(void *sender)
{
    for (unsigned i = 0; i < EACH; i++) {
        struct parcel *parcel = malloc(sizeof *parcel);
        if (parcel == NULL)
            abort();
        *parcel = (struct parcel){
            .mail.deliver = deliver_parcel, .sender = (unsigned)(uintptr_t)sender, .number = i};
        sl_worker_post(&office.worker, &parcel->mail);
    }
    return NULL;
}

static void test_mail_of_many_threads_keeps_each_senders_order(void **state)
{
    (void)state;
    memset(&office, 0, sizeof office);
    office.in_order = true;
    CHECK_INT(sl_worker_init(&office.worker, 0, 1, NULL, NULL), SL_OK);
    CHECK_INT(sl_worker_start_thread(&office.worker, NULL), SL_OK);
    pthread_t threads[SENDERS];
    for (uintptr_t i = 0; i < SENDERS; i++)
        CHECK_INT(pthread_create(&threads[i], NULL, send_parcels, (void *)i), 0);
    for (int i = 0; i < SENDERS; i++)
        CHECK_INT(pthread_join(threads[i], NULL), 0);
    sl_worker_join(&office.worker);
    CHECK_INT(office.total, SENDERS * EACH);
    CHECK(office.in_order);
    sl_worker_done(&office.worker);
}

/* A ball that two workers throw to each other until it is worn. */
static struct {
    struct sl_worker workers[2];
    struct sl_mail mail;
    unsigned throws;
} game;

static void deliver_ball(struct sl_mail *mail)
{
    if (++game.throws == 1000) {
        sl_worker_stop(&game.workers[0]);
        sl_worker_stop(&game.workers[1]);
        return;
    }
    sl_worker_post(&game.workers[game.throws % 2], mail);
}

static void test_two_workers_pass_mail_to_and_fro(void **state)
{
    (void)state;
    memset(&game, 0, sizeof game);
    game.mail.deliver = deliver_ball;
    for (unsigned i = 0; i < 2; i++)
        CHECK_INT(sl_worker_init(&game.workers[i], i, 2, NULL, NULL), SL_OK);
    for (unsigned i = 0; i < 2; i++)
        CHECK_INT(sl_worker_start_thread(&game.workers[i], NULL), SL_OK);
    sl_worker_post(&game.workers[0], &game.mail);
    for (unsigned i = 0; i < 2; i++)
        sl_worker_join(&game.workers[i]);
    for (unsigned i = 0; i < 2; i++)
        sl_worker_done(&game.workers[i]);
    CHECK_INT(game.throws, 1000);
}

static void test_a_worker_stopped_before_it_runs_ends_at_once(void **state)
{
    (void)state;
    struct sl_worker real;
    CHECK_INT(sl_worker_init(&real, 0, 1, NULL, NULL), SL_OK);
    sl_worker_stop(&real);
    sl_worker_stop(&real);
    sl_worker_run(&real);
    sl_worker_join(&real); /* no thread: nothing to do */
    sl_worker_done(&real);
}

/* A handle of another, closed a while after the worker was told to stop. */
static struct {
    uv_timer_t handle;
    bool closed;
} lingering;

static void on_lingering_close(uv_handle_t *handle)
{
    (void)handle;
    lingering.closed = true;
}

static void on_lingering_end(uv_timer_t *handle)
{
    uv_close((uv_handle_t *)handle, on_lingering_close);
}

static void test_the_loop_returns_after_the_handles_of_others_closed(void **state)
{
    (void)state;
    struct sl_worker real;
    CHECK_INT(sl_worker_init(&real, 0, 1, NULL, NULL), SL_OK);
    lingering.closed = false;
    (void)uv_timer_init(&real.loop, &lingering.handle);
    (void)uv_timer_start(&lingering.handle, on_lingering_end, 10, 0);
    sl_worker_stop(&real);
    sl_worker_run(&real);
    CHECK(lingering.closed);
    sl_worker_done(&real);
}

static void *draw_random(void *numbers)
{
    for (int i = 0; i < 100; i++)
        ((uint64_t *)numbers)[i] = sl_random();
    return NULL;
}

static void test_random_differs_by_call_and_by_thread(void **state)
{
    (void)state;
    static uint64_t numbers[2][100];
    pthread_t thread;
    CHECK_INT(pthread_create(&thread, NULL, draw_random, numbers[1]), 0);
    (void)draw_random(numbers[0]);
    CHECK_INT(pthread_join(thread, NULL), 0);
    uint64_t *all = &numbers[0][0], ones = 0;
    for (int i = 0; i < 200; i++) {
        ones += (uint64_t)__builtin_popcountll(all[i]);
        for (int j = 0; j < i; j++)
            CHECK(all[i] != all[j]);
    }
    CHECK(ones > 200 * 28 && ones < 200 * 36);
}

int main(void)
{
#define MANUAL(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        MANUAL(test_mail_is_delivered_in_order_at_the_next_advance),
        MANUAL(test_mail_that_mail_posts_is_delivered_too),
        MANUAL(test_timers_run_in_order_of_time_then_of_arming),
        MANUAL(test_delay_zero_runs_on_the_next_turn),
        MANUAL(test_a_stopped_timer_does_not_run),
        MANUAL(test_starting_again_moves_a_timer_both_ways),
        MANUAL(test_a_timer_may_arm_itself_again),
        MANUAL(test_mail_is_delivered_between_the_steps_of_one_advance),
        MANUAL(test_a_timer_that_is_always_due_does_not_stop_the_clock),
        MANUAL(test_the_wall_clock_moves_with_the_worker),
        MANUAL(test_many_timers_come_out_sorted),
        MANUAL(test_a_full_heap_and_no_memory_is_an_error),
        MANUAL(test_advance_turns_the_uv_loop),
        MANUAL(test_done_delivers_what_is_left_and_disarms_timers),
        MANUAL(test_a_real_loop_runs_timers_and_ends),
        MANUAL(test_mail_of_many_threads_keeps_each_senders_order),
        MANUAL(test_two_workers_pass_mail_to_and_fro),
        MANUAL(test_a_worker_stopped_before_it_runs_ends_at_once),
        MANUAL(test_the_loop_returns_after_the_handles_of_others_closed),
        MANUAL(test_random_differs_by_call_and_by_thread),
    };
    return cmocka_run_group_tests_name("worker", tests, NULL, NULL);
}
