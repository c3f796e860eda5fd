/* Cupel's driver: reads the arguments, calls the submission, and writes the result to descriptor 3. The code that
 * depends on types is generated from the signature. Standard input: a line with the nonce, a line with the signature,
 * then the values. With the argument --cupel-batch: a line with the signature, then the tests, each of which arrives
 * after the answer to the previous one; see batch.rs. */
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CUPEL_RESULT = 3, CUPEL_NODES_MAX = 1000000 };

typedef struct {
    char *data;
    size_t at, size;
} cupel_text;

static void *cupel_room(void *old, size_t bytes) {
    void *room = realloc(old, bytes ? bytes : 1);
    if (!room) {
        fputs("out of memory\n", stderr);
        _exit(1);
    }
    return room;
}

/* For code after the renaming of the submission's function, whose name may be `free`. */
static inline void cupel_free(void *room) { free(room); }

static void cupel_append(cupel_text *to, const char *data, size_t size) {
    if (to->at + size > to->size) {
        to->size = (to->at + size) * 2;
        to->data = cupel_room(to->data, to->size);
    }
    memcpy(to->data + to->at, data, size);
    to->at += size;
}

static cupel_text cupel_in, cupel_out;

/* The reason why the result is not a value of the declared type. */
static const char *cupel_wrong;

static int cupel_compare(const void *a, const void *b) {
    uintptr_t one = *(const uintptr_t *)a, other = *(const uintptr_t *)b;
    return (one > other) - (one < other);
}

/* The reason for refusing more nodes than a list or a tree may have, which may be the same nodes again and again. The
 * places without a node are 0. Sorts the places. */
static const char *cupel_too_many(uintptr_t *places, size_t count, const char *if_repeated, const char *if_not) {
    qsort(places, count, sizeof *places, cupel_compare);
    for (size_t i = 1; i < count; i++) {
        if (places[i] && places[i] == places[i - 1]) return if_repeated;
    }
    return if_not;
}

static char *cupel_line(void) {
    char *line = cupel_in.data + cupel_in.at;
    char *end = memchr(line, '\n', cupel_in.size - cupel_in.at);
    *end = 0;
    cupel_in.at += (size_t)(end - line) + 1;
    return line;
}

static void cupel_space(void) {
    while (cupel_in.data[cupel_in.at] == ' ' || cupel_in.data[cupel_in.at] == '\n') cupel_in.at++;
}

static long long cupel_read_int(void) {
    cupel_space();
    char *end;
    long long n = strtoll(cupel_in.data + cupel_in.at, &end, 10);
    cupel_in.at = (size_t)(end - cupel_in.data);
    return n;
}

static int cupel_read_int32(void) { return (int)cupel_read_int(); }

static double cupel_read_float(void) {
    cupel_space();
    char *end;
    double x = strtod(cupel_in.data + cupel_in.at, &end);
    cupel_in.at = (size_t)(end - cupel_in.data);
    return x;
}

static bool cupel_read_bool(void) { return cupel_read_int() != 0; }

static char *cupel_read_string(void) {
    size_t length = (size_t)cupel_read_int();
    char *text = cupel_room(NULL, length + 1);
    memcpy(text, cupel_in.data + cupel_in.at + 1, length);
    text[length] = 0;
    cupel_in.at += 1 + length;
    return text;
}

static char cupel_read_char(void) {
    char *text = cupel_read_string();
    char c = *text;
    free(text);
    return c;
}

static void cupel_write_int(long long n) {
    char text[32];
    cupel_append(&cupel_out, text, (size_t)snprintf(text, sizeof text, "%lld\n", n));
}

static void cupel_write_int32(int n) { cupel_write_int(n); }

static void cupel_write_float(double x) {
    char text[40];
    int length = snprintf(text, sizeof text, "%.17g\n", x);
    if (isnan(x)) length = snprintf(text, sizeof text, "nan\n");
    cupel_append(&cupel_out, text, (size_t)length);
}

static void cupel_write_bool(bool b) { cupel_write_int(b); }

static bool cupel_is_utf8(const char *text) {
    for (const unsigned char *at = (const unsigned char *)text; *at;) {
        unsigned c = *at++;
        int more = c < 0x80 ? 0 : c >= 0xc2 && c < 0xe0 ? 1 : c >= 0xe0 && c < 0xf0 ? 2 : c >= 0xf0 && c < 0xf5 ? 3 : -1;
        if (more < 0) return false;
        unsigned point = more == 0 ? c : c & (0x3fu >> more);
        for (int left = more; left > 0; left--) {
            if ((*at & 0xc0) != 0x80) return false;
            point = point << 6 | (*at++ & 0x3f);
        }
        if ((more == 2 && point < 0x800) || (more == 3 && (point < 0x10000 || point > 0x10ffff))) return false;
        if (point >= 0xd800 && point < 0xe000) return false;
    }
    return true;
}

static void cupel_write_string(const char *text) {
    if (!text || !cupel_is_utf8(text)) {
        cupel_wrong = text ? "a string of the result is not UTF-8" : "expected a string, got NULL";
        return;
    }
    size_t length = strlen(text);
    cupel_write_int((long long)length);
    cupel_append(&cupel_out, text, length);
    cupel_append(&cupel_out, "\n", 1);
}

static void cupel_write_char(char c) {
    if ((unsigned char)c > 0x7f) cupel_wrong = "a char of the result is not ASCII";
    char text[4] = {'1', '\n', c, '\n'};
    cupel_append(&cupel_out, text, sizeof text);
}

/* Sends a complete frame: a line of the nonce and the status, and the rest. */
static void cupel_write_frame(const char *nonce, const char *status, const char *rest, size_t size) {
    static cupel_text frame;
    frame.at = 0;
    cupel_append(&frame, nonce, strlen(nonce));
    cupel_append(&frame, status, strlen(status));
    cupel_append(&frame, rest, size);
    for (size_t at = 0; at < frame.at;) {
        ssize_t n = write(CUPEL_RESULT, frame.data + at, frame.at - at);
        if (n <= 0) break;
        at += (size_t)n;
    }
}

/* Sends a complete frame and ends the process without running any more code of the submission. */
static void cupel_send(const char *nonce, const char *status, const char *rest, size_t size) {
    cupel_write_frame(nonce, status, rest, size);
    fflush(NULL);
    _exit(0);
}

/* Calls the submission. Generated from the signature. */
static void cupel_call(void);

/* Appends input from `from`. Returns whether there was any. */
static bool cupel_receive(int from, cupel_text *input) {
    char chunk[1 << 16];
    ssize_t n = read(from, chunk, sizeof chunk);
    if (n > 0) cupel_append(input, chunk, (size_t)n);
    return n > 0;
}

/* The next line of the input, which is received if necessary. Ends the process at the end of the input. */
static char *cupel_await_line(int from, cupel_text *input) {
    while (input->at == cupel_in.at || !memchr(input->data + cupel_in.at, '\n', input->at - cupel_in.at)) {
        if (cupel_receive(from, input)) continue;
        fflush(NULL);
        _exit(0);
    }
    cupel_in.data = input->data;
    cupel_in.size = input->at;
    return cupel_line();
}

/* Calls the submission for one test after another. The input contains at most one unanswered test. */
static void cupel_batch(void) {
    int from = dup(0);
    /* Standard input is empty for the submission, as it is for a single test. */
    if (!freopen("/dev/null", "r", stdin)) _exit(1);
    cupel_text input = {0};
    cupel_await_line(from, &input);
    for (bool is_first = true;; is_first = false) {
        char nonce[64] = "", status[40];
        size_t length = 0;
        sscanf(cupel_await_line(from, &input), "%63s %zu", nonce, &length);
        while (input.at - cupel_in.at < length && cupel_receive(from, &input)) {
        }
        cupel_append(&input, "", 1);
        cupel_in.data = input.data;
        cupel_in.size = input.at;
        if (is_first) cupel_write_frame(nonce, " ready\n", "", 0);
        cupel_out.at = 0;
        cupel_call();
        if (cupel_wrong) cupel_send(nonce, " wrong\n", cupel_wrong, strlen(cupel_wrong));
        snprintf(status, sizeof status, " ok %zu\n", cupel_out.at);
        cupel_write_frame(nonce, status, cupel_out.data ? cupel_out.data : "", cupel_out.at);
        input.at = cupel_in.at = 0;
    }
}

int main(int argc, char **argv) {
    if (argc == 2 && strcmp(argv[1], "--cupel-batch") == 0) cupel_batch();
    while (cupel_receive(0, &cupel_in)) {
    }
    cupel_append(&cupel_in, "", 1);
    cupel_in.size = cupel_in.at;
    cupel_in.at = 0;
    char *nonce = cupel_line();
    cupel_line();
    cupel_call();
    if (cupel_wrong) cupel_send(nonce, " wrong\n", cupel_wrong, strlen(cupel_wrong));
    cupel_send(nonce, " ok\n", cupel_out.data ? cupel_out.data : "", cupel_out.at);
}
