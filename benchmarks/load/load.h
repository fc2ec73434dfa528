/* The load generator: one thread, one epoll, WebSocket receivers and HTTP senders against 127.0.0.1.
 *
 * With several servers, connections go to them in turn as a balancer's would, and sockets in turn by as many as there
 * are servers: which server gets a message says nothing about where its sender's or recipient's socket is. */
#ifndef LOAD_H
#define LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint64_t ns; /* CLOCK_MONOTONIC, nanoseconds */
#define SECOND 1000000000ull

enum kind { KIND_STDIN, KIND_TIMER, KIND_SOCKET, KIND_SENDER };

struct user {
    long id;
    char *token;
};

/* What every command counts anew, printed by main.c. */
struct counters {
    long frames, bytes, pings, closes; /* closes: sockets that the server ended unasked */
    long message_frames, sent_frames;  /* frames that carry a benchmark message, to recipient and to sender */
    long misdelivered;
    ns longest_late; /* how late this process itself woke from its timer: its own longest stop */
};

extern struct counters counters;
extern struct user *users;
extern long user_count;
extern int server_ports[];
extern long server_count;

/* main.c */
void poll_once(ns until);
void watch(int fd, enum kind kind, uint32_t index, uint32_t events);
void rewatch(int fd, enum kind kind, uint32_t index, uint32_t events);

/* measure.c */
ns now_ns(void);
double cpu_seconds(void);
/* Sorts the values; prints `"name":{"p50":..,"p90":..,"p99":..,"p999":..,"max":..,"count":..}` in milliseconds. */
void print_quantiles(const char *name, ns *values, long count);

/* sockets.c */
void open_sockets(long first, long step, long count, long concurrency, double timeout);
void close_sockets(double timeout);
void probe(double seconds, double interval);
void socket_ready(uint32_t index, uint32_t events);

/* posts.c */
void post_messages(long connections, double rate, double seconds, long first, long count, long recipient);
void sender_ready(uint32_t index, uint32_t events);
/* A frame that names run and sequence number has reached a socket of `user` (index into users). */
void message_arrived(long run, long sequence, long user);

#endif
