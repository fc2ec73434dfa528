/* The REST side: keep-alive connections that POST messages, saturated or on a fixed timetable. */
#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_PER_SECOND 200000.0 /* room for saturated runs, and for any timetable */
#define MAX_RUN_MESSAGES 9999999l
#define LATE SECOND /* a timetable's overdue sends may still begin within this */
#define GRACE (3 * SECOND)
#define FILLER "The bicycle is still there, and the price is a matter of a friendly word."

struct message {
    ns scheduled, answered, received;
    long recipient;
    int status; /* of the HTTP answer; 0 none yet, -1 the connection broke */
};

struct sender {
    int fd;
    long message; /* under way, or -1 */
    size_t length;
    char answer[16384];
};

static struct message *messages;
static long message_count, message_room, answers, arrivals, run;
static struct sender *senders;
static long sender_count, idle_first, idle_count, dead_count;
static long *idle; /* ring of senders with nothing under way: each has its turn, and so has each server */
static long first_user, user_span, fixed_recipient;
static bool saturated;
static ns stop_at;

static long *idle_at(long place)
{
    return &idle[(idle_first + place) % sender_count];
}

static void rest(long index)
{
    *idle_at(idle_count++) = index;
}

static long next_idle(void)
{
    long index = *idle_at(0);
    idle_first = (idle_first + 1) % sender_count;
    idle_count--;
    return index;
}

static bool join(long index)
{
    int port = server_ports[index % server_count];
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int on = 1;
    struct sender *s = &senders[index];
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    s->message = -1;
    s->length = 0;
    s->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (s->fd < 0 || connect(s->fd, (struct sockaddr *)&to, sizeof to) < 0) {
        if (s->fd >= 0) close(s->fd);
        s->fd = -1;
        dead_count++;
        return false;
    }
    fcntl(s->fd, F_SETFL, O_NONBLOCK);
    setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    watch(s->fd, KIND_SENDER, (uint32_t)index, EPOLLIN);
    rest(index);
    return true;
}

static void finish(long message, int status)
{
    messages[message].answered = now_ns();
    messages[message].status = status;
    answers++;
}

static void broken(long index)
{
    struct sender *s = &senders[index];
    if (s->message >= 0)
        finish(s->message, -1);
    else
        for (long i = 0; i < idle_count; i++)
            if (*idle_at(i) == index) *idle_at(i) = *idle_at(--idle_count);
    close(s->fd);
    join(index);
}

static void send_message(long index, ns scheduled)
{
    static char request[8192];
    struct sender *s = &senders[index];
    long number = message_count++;
    long sender = first_user + number % user_span;
    long recipient = fixed_recipient >= 0 ? fixed_recipient : first_user + (number + user_span / 2) % user_span;
    char body[512];
    int body_length = snprintf(body, sizeof body,
                               "{\"recipientId\":%ld,\"messageContent\":\"bench-%03ld%07ld " FILLER "\"}",
                               users[recipient].id, run, number);
    int length = snprintf(request, sizeof request,
                          "POST /api/v1/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer %s\r\n"
                          "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
                          users[sender].token, body_length, body);
    messages[number] = (struct message){.scheduled = scheduled, .recipient = recipient};
    s->message = number;
    s->length = 0;
    if (send(s->fd, request, (size_t)length, MSG_NOSIGNAL) != length) broken(index);
}

/* Status of a whole answer, 0 when bytes are missing, -1 when it cannot be read. */
static int whole_answer(struct sender *s)
{
    s->answer[s->length] = 0;
    char *end = strstr(s->answer, "\r\n\r\n");
    if (!end) return s->length + 1 < sizeof s->answer ? 0 : -1;
    char *field = strcasestr(s->answer, "\r\nContent-Length:");
    if (!field || field > end) return -1;
    size_t whole = (size_t)(end + 4 - s->answer) + strtoul(field + 17, NULL, 10);
    if (whole >= sizeof s->answer) return -1;
    return s->length < whole ? 0 : atoi(s->answer + 9);
}

void sender_ready(uint32_t index, uint32_t events)
{
    struct sender *s = &senders[index];
    (void)events;
    ssize_t got = recv(s->fd, s->answer + s->length, sizeof s->answer - 1 - s->length, 0);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) {
        broken(index);
        return;
    }
    s->length += (size_t)got;
    int status = whole_answer(s);
    if (status == 0) return;
    if (status < 0 || s->message < 0) {
        broken(index);
        return;
    }
    finish(s->message, status);
    s->message = -1;
    ns now = now_ns();
    if (saturated && now < stop_at && message_count < message_room)
        send_message(index, now);
    else
        rest(index);
}

void message_arrived(long of_run, long sequence, long user)
{
    if (of_run != run || sequence >= message_count) return;
    struct message *m = &messages[sequence];
    if (m->recipient != user) {
        counters.misdelivered++;
        return;
    }
    if (m->received) return;
    m->received = now_ns();
    arrivals++;
}

static void drive(double rate, double seconds, ns begin)
{
    long total = saturated ? 0 : (long)(rate * seconds);
    for (long next = 0; now_ns() < stop_at && dead_count < sender_count && (saturated || next < total);) {
        ns due = saturated ? stop_at : begin + (ns)((double)next / rate * 1e9);
        while (next < total && due <= now_ns() && idle_count > 0) {
            send_message(next_idle(), due);
            due = begin + (ns)((double)++next / rate * 1e9);
        }
        while (saturated && idle_count > 0 && message_count < message_room) send_message(next_idle(), now_ns());
        poll_once(next < total && idle_count > 0 && due < stop_at ? due : stop_at);
    }
}

static void print_figures(long unsent)
{
    long sent = message_count, accepted = 0, lost = 0, refused = 0, broke = 0, odd_status = 0, answer_count = 0;
    ns *to_answer = malloc((size_t)(sent + 1) * sizeof(ns)), *to_frame = malloc((size_t)(sent + 1) * sizeof(ns));
    long frame_count = 0;
    for (long i = 0; i < sent; i++) {
        struct message *m = &messages[i];
        if (m->status == 201) {
            accepted++;
            lost += m->received == 0;
            to_answer[answer_count++] = m->answered - m->scheduled;
        } else if (m->status <= 0) {
            broke++;
        } else {
            refused++;
            odd_status = m->status;
        }
        if (m->received) to_frame[frame_count++] = m->received - m->scheduled;
    }
    printf("\"sent\":%ld,\"accepted\":%ld,\"refused\":%ld,\"last_refusal\":%ld,\"broken\":%ld,\"unsent\":%ld,"
           "\"delivered\":%ld,\"lost\":%ld,", sent, accepted, refused, odd_status, broke, unsent, frame_count, lost);
    print_quantiles("answer_ms", to_answer, answer_count);
    printf(",");
    print_quantiles("frame_ms", to_frame, frame_count);
    printf(",");
    free(to_answer);
    free(to_frame);
}

void post_messages(long connections, double rate, double seconds, long first, long count, long recipient)
{
    run = (run + 1) % 1000;
    saturated = rate <= 0;
    double room = (saturated ? MAX_PER_SECOND : rate) * seconds + 1;
    message_room = room < (double)MAX_RUN_MESSAGES ? (long)room : MAX_RUN_MESSAGES;
    message_count = answers = arrivals = idle_first = idle_count = dead_count = 0;
    first_user = first, user_span = count, fixed_recipient = recipient, sender_count = connections;
    messages = malloc((size_t)message_room * sizeof *messages);
    senders = calloc((size_t)connections, sizeof *senders);
    idle = calloc((size_t)connections, sizeof *idle);
    for (long i = 0; i < connections; i++) join(i);

    ns begin = now_ns();
    stop_at = begin + (ns)(seconds * SECOND) + (saturated ? 0 : LATE);
    drive(rate, seconds, begin);
    ns grace = now_ns() + GRACE;
    while (answers < message_count && now_ns() < grace) poll_once(grace);
    double until_answered = (double)(now_ns() - begin) / 1e9;
    long planned = saturated ? message_count : (long)(rate * seconds);
    while (arrivals < answers && now_ns() < grace) poll_once(grace);

    printf("\"seconds\":%.4f,", until_answered);
    print_figures(planned - message_count);
    for (long i = 0; i < connections; i++)
        if (senders[i].fd >= 0) close(senders[i].fd);
    free(messages);
    free(senders);
    free(idle);
    message_count = 0;
}
