/* Clock, own CPU and quantiles. */
#include "load.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

ns now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (ns)t.tv_sec * SECOND + (ns)t.tv_nsec;
}

double cpu_seconds(void)
{
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec)
        + (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

static int ascending(const void *a, const void *b)
{
    ns x = *(const ns *)a, y = *(const ns *)b;
    return (x > y) - (x < y);
}

static double at(const ns *sorted, long count, double share)
{
    long index = (long)(share * (double)count);
    if (index >= count) index = count - 1;
    return (double)sorted[index] / 1e6;
}

void print_quantiles(const char *name, ns *values, long count)
{
    if (count == 0) {
        printf("\"%s\":null", name);
        return;
    }
    qsort(values, (size_t)count, sizeof *values, ascending);
    printf("\"%s\":{\"p50\":%.3f,\"p90\":%.3f,\"p99\":%.3f,\"p999\":%.3f,\"max\":%.3f,\"count\":%ld}", name,
           at(values, count, .5), at(values, count, .9), at(values, count, .99), at(values, count, .999),
           (double)values[count - 1] / 1e6, count);
}
