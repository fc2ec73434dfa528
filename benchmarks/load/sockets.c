/* The WebSocket side: open, receive and count frames, answer pings, close. */
#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define SOURCES 200 /* addresses 127.0.1.1 to 127.0.1.200, so ephemeral ports never run out */
#define KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

enum state { FREE, CONNECTING, SHAKING, UPGRADED, OPEN, CLOSING };
enum opcode { TEXT = 1, CLOSE = 8, PING = 9, PONG = 10 };

struct socket {
    int fd;
    enum state state;
    long user;
    char *rest; /* bytes of an unfinished answer or frame */
    size_t rest_length;
};

static struct socket *sockets;
static long socket_count, opening, opened, failed, open_now;
static char last_failure[160] = "";
static char buffer[1 << 18];
static ns *round_trips;
static long round_trip_count, round_trip_room;

static void forget(struct socket *s)
{
    if (s->state == OPEN || s->state == CLOSING) open_now--;
    close(s->fd);
    free(s->rest);
    *s = (struct socket){.fd = -1, .state = FREE};
}

static void fail(struct socket *s, const char *why)
{
    opening--;
    failed++;
    snprintf(last_failure, sizeof last_failure, "%.*s", (int)strcspn(why, "\r\n\"\\"), why);
    forget(s);
}

static void start(struct socket *s, long index, long user)
{
    int port = server_ports[index / server_count % server_count];
    struct sockaddr_in from = {.sin_family = AF_INET}, to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int on = 1;
    from.sin_addr.s_addr = htonl(0x7f000101u + (uint32_t)(index % SOURCES));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    *s = (struct socket){.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), .state = CONNECTING, .user = user};
    opening++;
    if (s->fd < 0) {
        fail(s, strerror(errno));
        return;
    }
    setsockopt(s->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (bind(s->fd, (struct sockaddr *)&from, sizeof from) < 0
        || (connect(s->fd, (struct sockaddr *)&to, sizeof to) < 0 && errno != EINPROGRESS)) {
        fail(s, strerror(errno));
        return;
    }
    watch(s->fd, KIND_SOCKET, (uint32_t)index, EPOLLOUT);
}

static void shake(struct socket *s, uint32_t index)
{
    char request[8192];
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    int length = snprintf(request, sizeof request,
                          "GET /messages?token=%s HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
                          "Connection: Upgrade\r\nSec-WebSocket-Key: " KEY "\r\nSec-WebSocket-Version: 13\r\n\r\n",
                          users[s->user].token);
    if (error || send(s->fd, request, (size_t)length, MSG_NOSIGNAL) != length) {
        fail(s, strerror(error ? error : errno));
        return;
    }
    s->state = SHAKING;
    rewatch(s->fd, KIND_SOCKET, index, EPOLLIN);
}

/* Client frames are masked; an all-zero mask leaves the payload as it is. */
static bool send_frame(struct socket *s, enum opcode opcode, const char *payload, size_t length)
{
    char frame[6 + 125] = {(char)(0x80 | opcode), (char)(0x80 | length)};
    memcpy(frame + 6, payload, length);
    return send(s->fd, frame, 6 + length, MSG_NOSIGNAL) == (ssize_t)(6 + length);
}

static void text_arrived(struct socket *s, const char *text, size_t length)
{
    counters.frames++;
    counters.bytes += (long)length;
    if (s->state == UPGRADED) {
        s->state = OPEN;
        opening--;
        opened++;
        open_now++;
        return;
    }
    const char *marker = memmem(text, length, "bench-", 6);
    if (!marker || marker + 16 > text + length) return;
    if (memmem(text, length, "\"message_sent\"", 14)) {
        counters.sent_frames++;
        return;
    }
    counters.message_frames++;
    char digits[17] = {0};
    memcpy(digits, marker, 16);
    message_arrived(strtol(digits + 6, NULL, 10) / 10000000, strtol(digits + 6, NULL, 10) % 10000000, s->user);
}

static void pong_arrived(const char *payload, size_t length)
{
    ns scheduled;
    if (length != sizeof scheduled || round_trip_count == round_trip_room) return;
    memcpy(&scheduled, payload, sizeof scheduled);
    round_trips[round_trip_count++] = now_ns() - scheduled;
}

/* Returns false when the socket is gone. */
static bool frame_arrived(struct socket *s, enum opcode opcode, const char *payload, size_t length)
{
    if (opcode == TEXT) {
        text_arrived(s, payload, length);
    } else if (opcode == PING) {
        counters.pings++;
        send_frame(s, PONG, payload, length);
    } else if (opcode == PONG) {
        pong_arrived(payload, length);
    } else if (opcode == CLOSE && s->state == UPGRADED) {
        fail(s, length > 2 ? "closed right after the upgrade" : "closed without a reason");
        return false;
    } else if (opcode == CLOSE && s->state == OPEN) {
        counters.closes++;
        send_frame(s, CLOSE, payload, length);
        forget(s);
        return false;
    }
    return true;
}

/* Handles all whole frames and returns how many bytes they took; -1 when the socket is gone. */
static ssize_t take_frames(struct socket *s, const char *data, size_t length)
{
    size_t done = 0;
    while (length - done >= 2) {
        const unsigned char *frame = (const unsigned char *)data + done;
        size_t header = 2, payload = frame[1] & 0x7f;
        if (payload == 126) {
            if (length - done < 4) break;
            payload = (size_t)frame[2] << 8 | frame[3];
            header = 4;
        } else if (payload == 127) {
            counters.closes++;
            forget(s); /* no server here has reason to send 64 KB in a frame */
            return -1;
        }
        if (length - done < header + payload) break;
        if (!frame_arrived(s, frame[0] & 0x0f, (const char *)frame + header, payload)) return -1;
        done += header + payload;
    }
    return (ssize_t)done;
}

static ssize_t take_answer(struct socket *s, const char *data, size_t length)
{
    const char *end = memmem(data, length, "\r\n\r\n", 4);
    if (!end) return 0;
    if (memcmp(data, "HTTP/1.1 101", 12) || !memmem(data, length, ACCEPT, sizeof ACCEPT - 1)) {
        fail(s, data);
        return -1;
    }
    s->state = UPGRADED;
    size_t header = (size_t)(end + 4 - data);
    ssize_t frames = take_frames(s, data + header, length - header);
    return frames < 0 ? -1 : (ssize_t)header + frames;
}

static void receive(struct socket *s)
{
    size_t held = s->rest_length;
    if (held) memcpy(buffer, s->rest, held);
    ssize_t got = recv(s->fd, buffer + held, sizeof buffer - held, 0);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) {
        if (s->state == SHAKING || s->state == UPGRADED) {
            fail(s, got ? strerror(errno) : "connection ended during the handshake");
            return;
        }
        if (s->state == OPEN) counters.closes++;
        forget(s);
        return;
    }
    size_t length = held + (size_t)got;
    ssize_t done = s->state == SHAKING ? take_answer(s, buffer, length) : take_frames(s, buffer, length);
    if (done < 0) return;
    free(s->rest);
    s->rest = NULL;
    s->rest_length = length - (size_t)done;
    if (s->rest_length == 0) return;
    s->rest = malloc(s->rest_length);
    memcpy(s->rest, buffer + done, s->rest_length);
}

void socket_ready(uint32_t index, uint32_t events)
{
    struct socket *s = &sockets[index];
    (void)events;
    if (s->state == CONNECTING)
        shake(s, index);
    else if (s->state != FREE)
        receive(s);
}

void open_sockets(long first, long step, long count, long concurrency, double timeout)
{
    ns begin = now_ns(), deadline = begin + (ns)(timeout * SECOND);
    long from = socket_count;
    sockets = realloc(sockets, (size_t)(socket_count + count) * sizeof *sockets);
    opening = opened = failed = 0;
    for (long next = 0; (next < count || opening > 0) && now_ns() < deadline;) {
        while (next < count && opening < concurrency) {
            start(&sockets[socket_count], socket_count, first + step * next++);
            socket_count++;
        }
        if (opening > 0) poll_once(deadline);
    }
    double seconds = (double)(now_ns() - begin) / 1e9;
    for (long i = from; i < socket_count; i++)
        if (sockets[i].state != OPEN && sockets[i].state != FREE) fail(&sockets[i], "handshake timed out");
    printf("\"opened\":%ld,\"failed\":%ld,\"last_failure\":\"%s\",\"seconds\":%.4f,", opened, count - opened,
           failed ? last_failure : "", seconds);
}

void close_sockets(double timeout)
{
    ns begin = now_ns(), deadline = begin + (ns)(timeout * SECOND);
    long count = open_now, cut = 0;
    for (long i = 0; i < socket_count; i++) {
        if (sockets[i].state != OPEN) continue;
        sockets[i].state = CLOSING;
        send_frame(&sockets[i], CLOSE, "\x03\xe8", 2);
        if (i % 64 == 0) poll_once(now_ns());
    }
    while (open_now > 0 && now_ns() < deadline) poll_once(deadline);
    for (long i = 0; i < socket_count; i++) {
        if (sockets[i].state == FREE) continue;
        cut++;
        forget(&sockets[i]);
    }
    socket_count = 0;
    printf("\"closed\":%ld,\"cut\":%ld,\"seconds\":%.4f,", count, cut, (double)(now_ns() - begin) / 1e9);
}

void probe(double seconds, double interval)
{
    ns begin = now_ns(), gap = (ns)(interval * SECOND);
    long total = gap ? (long)(seconds / interval) : 0;
    if (socket_count == 0 || sockets[0].state != OPEN) total = 0;
    round_trips = malloc((size_t)(total + 1) * sizeof *round_trips);
    round_trip_count = 0;
    round_trip_room = total;
    for (long i = 0; i < total && sockets[0].state == OPEN; i++) {
        ns scheduled = begin + (ns)i * gap;
        while (now_ns() < scheduled) poll_once(scheduled);
        send_frame(&sockets[0], PING, (const char *)&scheduled, sizeof scheduled);
    }
    ns grace = now_ns() + 2 * SECOND;
    while (round_trip_count < total && now_ns() < grace) poll_once(grace);
    printf("\"probes\":%ld,", total);
    print_quantiles("round_trip_ms", round_trips, round_trip_count);
    printf(",");
    free(round_trips);
    round_trips = NULL;
    round_trip_room = 0;
}
