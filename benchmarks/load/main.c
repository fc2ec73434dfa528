/*
 * wsload PORT[,PORT...] TOKENS
 *
 * One port for each server. TOKENS holds one "userId token" a line. Commands come on stdin, one a line; each is answered by one line of JSON:
 *
 *   open FIRST STEP COUNT CONCURRENCY TIMEOUT   sockets of the users FIRST, FIRST+STEP, ... (STEP 0: all of one user)
 *   close TIMEOUT                               closing handshake on all of them
 *   probe SECONDS INTERVAL                      protocol pings on socket 0, round trips from the scheduled time
 *   post CONNECTIONS RATE SECONDS FIRST COUNT RECIPIENT
 *        POST /api/v1/messages from users FIRST..FIRST+COUNT-1 to RECIPIENT, or (-1) each to the one half-way round;
 *        RATE 0 saturates, else RATE a second on a fixed timetable, latency from the scheduled time
 *
 * Between commands it answers the server's pings. It ends when stdin does.
 */
#include "load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define MAX_SERVERS 64

struct counters counters;
struct user *users;
long user_count;
int server_ports[MAX_SERVERS];
long server_count;

static int epoll_fd, timer_fd;
static ns armed;
static bool input_ready;

static void control(int operation, int fd, enum kind kind, uint32_t index, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.u64 = (uint64_t)kind << 32 | index};
    if (epoll_ctl(epoll_fd, operation, fd, &event) < 0) {
        perror("epoll_ctl");
        exit(1);
    }
}

void watch(int fd, enum kind kind, uint32_t index, uint32_t events)
{
    control(EPOLL_CTL_ADD, fd, kind, index, events);
}

void rewatch(int fd, enum kind kind, uint32_t index, uint32_t events)
{
    control(EPOLL_CTL_MOD, fd, kind, index, events);
}

static void arm(ns until)
{
    struct itimerspec when = {.it_value = {(time_t)(until / SECOND), (long)(until % SECOND)}};
    if (until == armed) return;
    armed = until;
    timerfd_settime(timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
}

static void timer_rang(void)
{
    uint64_t expirations;
    ns now = now_ns();
    if (read(timer_fd, &expirations, sizeof expirations) < 0) return;
    if (now - armed > counters.longest_late) counters.longest_late = now - armed;
    armed = 0;
}

/* Handles what is ready, or waits for it until that time (0: for ever). */
void poll_once(ns until)
{
    static struct epoll_event events[512];
    if (until) arm(until);
    int ready = epoll_wait(epoll_fd, events, 512, -1);
    for (int i = 0; i < ready; i++) {
        uint32_t index = (uint32_t)events[i].data.u64;
        switch ((enum kind)(events[i].data.u64 >> 32)) {
        case KIND_TIMER: timer_rang(); break;
        case KIND_SOCKET: socket_ready(index, events[i].events); break;
        case KIND_SENDER: sender_ready(index, events[i].events); break;
        case KIND_STDIN:
            if (!(events[i].events & EPOLLIN)) exit(0);
            input_ready = true;
        }
    }
}

static void read_users(const char *path)
{
    char line[4096], token[4000];
    long id, room = 0;
    FILE *file = fopen(path, "r");
    if (!file) {
        perror(path);
        exit(1);
    }
    while (fgets(line, sizeof line, file)) {
        if (sscanf(line, "%ld %3999s", &id, token) != 2) continue;
        if (user_count == room) users = realloc(users, (size_t)(room = room ? 2 * room : 1024) * sizeof *users);
        users[user_count++] = (struct user){id, strdup(token)};
    }
    fclose(file);
}

static void allow_all_descriptors(void)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static bool in_users(long first, long step, long count)
{
    return first >= 0 && step >= 0 && count > 0 && first + step * (count - 1) < user_count;
}

/* Runs one command, which prints its own figures; false when it is not understood. */
static bool run(const char *line)
{
    long a, b, c, d, e;
    double x, y;
    if (sscanf(line, "open %ld %ld %ld %ld %lf", &a, &b, &c, &d, &x) == 5 && in_users(a, b, c))
        open_sockets(a, b, c, d, x);
    else if (sscanf(line, "close %lf", &x) == 1)
        close_sockets(x);
    else if (sscanf(line, "probe %lf %lf", &x, &y) == 2)
        probe(x, y);
    else if (sscanf(line, "post %ld %lf %lf %ld %ld %ld", &a, &x, &y, &c, &d, &e) == 6 && in_users(c, 1, d)
             && e < user_count)
        post_messages(a, x, y, c, d, e);
    else
        return false;
    return true;
}

/* The driver writes a whole line at once and waits for its answer, so one read is one line. */
static bool next_line(char *line, size_t size)
{
    input_ready = false;
    while (!input_ready) poll_once(0);
    ssize_t got = read(STDIN_FILENO, line, size - 1);
    line[got > 0 ? got : 0] = 0;
    return got > 0;
}

int main(int argc, char **argv)
{
    char line[1024];
    if (argc != 3) {
        fprintf(stderr, "usage: wsload PORT[,PORT...] TOKENS\n");
        return 2;
    }
    for (char *port = strtok(argv[1], ","); port && server_count < MAX_SERVERS; port = strtok(NULL, ","))
        server_ports[server_count++] = atoi(port);
    read_users(argv[2]);
    allow_all_descriptors();
    epoll_fd = epoll_create1(0);
    timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    watch(timer_fd, KIND_TIMER, 0, EPOLLIN);
    watch(STDIN_FILENO, KIND_STDIN, 0, EPOLLIN);
    while (next_line(line, sizeof line)) {
        double cpu = cpu_seconds();
        ns start = now_ns();
        counters = (struct counters){0};
        printf("{");
        if (!run(line)) printf("\"error\":\"bad command\",");
        printf("\"frames\":%ld,\"bytes\":%ld,\"pings\":%ld,\"closes\":%ld,\"message_frames\":%ld,\"sent_frames\":%ld,"
               "\"misdelivered\":%ld,\"client_longest_stop_ms\":%.3f,\"client_cpu_seconds\":%.4f,\"wall_seconds\":%.4f}\n",
               counters.frames, counters.bytes, counters.pings, counters.closes, counters.message_frames,
               counters.sent_frames, counters.misdelivered, (double)counters.longest_late / 1e6, cpu_seconds() - cpu,
               (double)(now_ns() - start) / 1e9);
        fflush(stdout);
    }
    return 0;
}
