/*
 * The load generator of the benchmarks: one thread, epoll, loopback only.
 *
 *   load LIMIT echo PORT CONNECTIONS SIZE WARMUP_MS MEASURE_MS
 *   load LIMIT udp PORT SOCKETS SIZE WARMUP_MS MEASURE_MS
 *   load LIMIT accept PORT AT_ONCE SIZE WARMUP_MS MEASURE_MS
 *   load LIMIT chat PORT LISTENERS LINES FIRST_LINES
 *   load LIMIT idle PORT CONNECTIONS
 *   load LIMIT ws-echo, ws-room, ws-idle: echo, chat and idle with the frames of WebSockets
 *   load LIMIT http-idle PORT CONNECTIONS
 *
 * It tells on standard output how far it is, one event a line, and after each event but
 * `begin` it waits for a line on standard input, so that whoever measures does so between
 * two phases. The end of standard input ends it at any time, and so does LIMIT (seconds).
 *
 *   echo: begin, end {…}             each connection sends SIZE bytes, waits for them, again
 *   udp: the same                    with datagrams; what is lost is sent again after a second
 *   accept: the same                 opens, sends a line of SIZE bytes, waits for its answer, resets
 *   chat: joined, first {…}, end {…}  one burst of lines after joined, another after first
 *   idle: ready, said, …             opens and holds; then one line and its answer on each
 *   http-idle                        the same with a request for /hello, whose answer ends with }
 *   ws-room                          one burst alone; nobody has a name
 *
 * load.ts does the same where there is no C compiler.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BUFFER (256 * 1024)
#define EVENTS 256
/* Joining is over when nothing has come for so long. */
#define QUIET_MS 300
#define TEXT "the quick brown fox jumps over it"

struct conn {
  int fd;
  int wants_write;
  size_t sent;     /* of what is being sent */
  size_t received; /* of what is expected */
};

static char buffer[BUFFER];
static int poller;
static struct conn *conns;
static int count;

static void fail(const char *format, ...) {
  va_list args;
  va_start(args, format);
  vfprintf(stderr, format, args);
  va_end(args);
  fputc('\n', stderr);
  exit(1);
}

static uint64_t now(void) {
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return (uint64_t)at.tv_sec * 1000000000u + (uint64_t)at.tv_nsec;
}

static void event(const char *format, ...) {
  va_list args;
  va_start(args, format);
  vprintf(format, args);
  va_end(args);
  putchar('\n');
  fflush(stdout);
}

/* Waits for the word to go on; without one there is nothing left to do. */
static void wait_go(void) {
  char c;
  do {
    if (read(0, &c, 1) != 1) exit(0);
  } while (c != '\n');
}

static void watch(struct conn *conn, int wants_write) {
  if (conn->wants_write == wants_write) return;
  conn->wants_write = wants_write;
  struct epoll_event interest = {.events = EPOLLIN | (wants_write ? EPOLLOUT : 0)};
  interest.data.ptr = conn;
  if (epoll_ctl(poller, EPOLL_CTL_MOD, conn->fd, &interest) < 0) fail("epoll_ctl: %s", strerror(errno));
}

static struct sockaddr_in to;
static int kind = SOCK_STREAM;
static int ws = 0; /* Whether WebSockets are spoken. */

/* The opening handshake (RFC 6455 section 4.1), while the socket still blocks. */
static void shake_hands(int fd) {
  static const char request[] =
      "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
  char head[2048];
  size_t got = 0;
  if (write(fd, request, sizeof request - 1) != sizeof request - 1) fail("handshake: write");
  do {
    ssize_t n = read(fd, head + got, sizeof head - 1 - got);
    if (n <= 0) fail("handshake: the server closed it");
    head[got += (size_t)n] = 0;
  } while (strstr(head, "\r\n\r\n") == NULL && got < sizeof head - 1);
  if (strncmp(head, "HTTP/1.1 101", 12) != 0) fail("handshake: %.40s", head);
}

/* Puts a text frame at `to`; a client's mask of zeros leaves the payload as it is. */
static size_t put_frame(char *to, const char *data, size_t size, int masked) {
  size_t at = 0;
  char mask = masked ? (char)0x80 : 0;
  to[at++] = (char)0x81;
  if (size < 126) to[at++] = (char)(mask | (char)size);
  else if (size < 65536) {
    to[at++] = mask | 126;
    to[at++] = (char)(size >> 8);
    to[at++] = (char)size;
  } else {
    to[at++] = mask | 127;
    for (int shift = 56; shift >= 0; shift -= 8) to[at++] = (char)((uint64_t)size >> shift);
  }
  if (masked) at += 4;
  memcpy(to + at, data, size);
  return at + size;
}

static void open_one(struct conn *conn) {
  int i = (int)(conn - conns), on = 1;
  conn->fd = socket(AF_INET, kind, 0);
  conn->wants_write = 0;
  if (conn->fd < 0) fail("socket: %s", strerror(errno));
  if (connect(conn->fd, (struct sockaddr *)&to, sizeof to) < 0)
    fail("connect %d: %s", i, strerror(errno));
  if (kind == SOCK_STREAM) setsockopt(conn->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (ws) shake_hands(conn->fd);
  fcntl(conn->fd, F_SETFL, fcntl(conn->fd, F_GETFL) | O_NONBLOCK);
  struct epoll_event interest = {.events = EPOLLIN};
  interest.data.ptr = conn;
  if (epoll_ctl(poller, EPOLL_CTL_ADD, conn->fd, &interest) < 0)
    fail("epoll_ctl: %s", strerror(errno));
}

/* Closes without the wait that a port is blocked for otherwise. */
static void reset_one(struct conn *conn) {
  struct linger at_once = {.l_onoff = 1, .l_linger = 0};
  setsockopt(conn->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  close(conn->fd);
}

static void open_all(int port, int wanted) {
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  poller = epoll_create1(0);
  count = wanted;
  conns = calloc((size_t)wanted, sizeof *conns);
  to = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  for (int i = 0; i < wanted; i++) open_one(&conns[i]);
}

/* Sends what the socket takes of `data`; the rest follows when it is writable. */
static void send_some(struct conn *conn, const char *data, size_t size) {
  while (conn->sent < size) {
    ssize_t n = write(conn->fd, data + conn->sent, size - conn->sent);
    if (n < 0 && errno == EAGAIN) return watch(conn, 1);
    if (n < 0) fail("connection %d: write: %s", (int)(conn - conns), strerror(errno));
    conn->sent += (size_t)n;
  }
  watch(conn, 0);
}

/* Reads once; 0 when there is nothing now. */
static size_t receive(struct conn *conn) {
  ssize_t n = read(conn->fd, buffer, BUFFER);
  if (n > 0) return (size_t)n;
  if (n < 0 && errno == EAGAIN) return 0;
  fail("connection %d: %s after %zu bytes of what was expected", (int)(conn - conns),
       n == 0 ? "the server closed it" : strerror(errno), conn->received);
  return 0;
}

static void echo(int port, int wanted, size_t length, uint64_t warmup_ms, uint64_t measure_ms,
                 int reopen) {
  char *payload = malloc(length), *message = payload, *answer = payload;
  for (size_t i = 0; i < length; i++) payload[i] = (char)('a' + i % 26);
  if (reopen) payload[length - 1] = '\n';
  size_t size = length, expected = length;
  if (ws) {
    size = put_frame(message = calloc(1, length + 14), payload, length, 1);
    expected = put_frame(answer = malloc(length + 14), payload, length, 0);
  }
  open_all(port, wanted);
  for (int i = 0; i < count; i++) send_some(&conns[i], message, size);
  uint64_t trips = 0, begin = 0, start = now(), at = start;
  while (begin == 0 || at - begin < measure_ms * 1000000u) {
    struct epoll_event events[EVENTS];
    int ready = epoll_wait(poller, events, EVENTS, 1000);
    if (ready == 0 && kind == SOCK_DGRAM)
      for (int i = 0; i < count; i++) {
        conns[i].sent = 0;
        send_some(&conns[i], message, size);
      }
    for (int i = 0; i < ready; i++) {
      struct conn *conn = events[i].data.ptr;
      if (events[i].events & EPOLLOUT) send_some(conn, message, size);
      if (!(events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))) continue;
      size_t n = receive(conn);
      if (conn->received + n > expected) fail("connection %d: more came back than was sent", i);
      /* The content is checked while warming up: comparing costs the generator too much. */
      if (begin == 0 && memcmp(buffer, answer + conn->received, n) != 0)
        fail("connection %d: what came back is not what was sent", (int)(conn - conns));
      conn->received += n;
      if (conn->received < expected) continue;
      trips++;
      conn->received = conn->sent = 0;
      if (reopen) {
        reset_one(conn);
        open_one(conn);
      }
      send_some(conn, message, size);
    }
    at = now();
    if (begin == 0 && at - start >= warmup_ms * 1000000u) {
      event("begin");
      trips = 0;
      begin = at;
    }
  }
  event("end {\"count\":%llu,\"ns\":%llu}", (unsigned long long)trips, (unsigned long long)(at - begin));
}

/* Throws away greetings and notices until nothing comes any more. */
static void until_quiet(void) {
  struct epoll_event events[EVENTS];
  int ready;
  while ((ready = epoll_wait(poller, events, EVENTS, QUIET_MS)) > 0)
    for (int i = 0; i < ready; i++) receive(events[i].data.ptr);
}

/* One sender, the last connection; every listener has to get every byte of `expected`. */
static void broadcast(const char *lines, size_t size, const char *expected, size_t expected_size) {
  struct conn *sender = &conns[count - 1];
  for (int i = 0; i < count; i++) conns[i].sent = conns[i].received = 0;
  int missing = count - 1;
  send_some(sender, lines, size);
  while (missing > 0) {
    struct epoll_event events[EVENTS];
    int ready = epoll_wait(poller, events, EVENTS, 1000);
    for (int i = 0; i < ready; i++) {
      struct conn *conn = events[i].data.ptr;
      if (events[i].events & EPOLLOUT) send_some(conn, lines, size);
      if (!(events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))) continue;
      size_t n = receive(conn);
      if (conn == sender || n == 0) continue;
      int which = (int)(conn - conns);
      if (conn->received + n > expected_size) fail("listener %d: got more than was said", which);
      if (memcmp(buffer, expected + conn->received, n) != 0)
        fail("listener %d: at byte %zu expected \"%.48s\", got \"%.48s\"", which, conn->received,
             expected + conn->received, buffer);
      conn->received += n;
      if (conn->received == expected_size) missing--;
    }
  }
}

/* Lines with their number, as they are said (or, with a name in front, heard). */
static char *make_lines(const char *prefix, int from, int lines, size_t *size) {
  size_t line = strlen(prefix) + strlen("00000 " TEXT "\n");
  char *text = malloc(line * (size_t)lines + 1);
  for (int i = 0; i < lines; i++) sprintf(text + line * (size_t)i, "%s%05d %s\n", prefix, from + i, TEXT);
  *size = line * (size_t)lines;
  return text;
}

static void chat(int port, int listeners, int lines, int warmup) {
  size_t size, heard;
  open_all(port, listeners + 1);
  for (int i = 0; i <= listeners; i++) {
    char name[32];
    int n = i < listeners ? sprintf(name, "listener%d\n", i) : sprintf(name, "sender\n");
    conns[i].sent = 0;
    send_some(&conns[i], name, (size_t)n);
  }
  until_quiet();
  event("joined");
  wait_go();
  const char *said = make_lines("", 0, warmup, &size);
  const char *expected = make_lines("sender: ", 0, warmup, &heard);
  uint64_t begin = now();
  broadcast(said, size, expected, heard);
  uint64_t first = now() - begin;
  said = make_lines("", warmup, lines, &size);
  expected = make_lines("sender: ", warmup, lines, &heard);
  event("first {\"count\":%llu,\"ns\":%llu}",
        (unsigned long long)listeners * (unsigned long long)warmup, (unsigned long long)first);
  wait_go();
  begin = now();
  broadcast(said, size, expected, heard);
  event("end {\"count\":%llu,\"ns\":%llu}", (unsigned long long)listeners * (unsigned long long)lines,
        (unsigned long long)(now() - begin));
}

/* A burst of messages from one WebSocket to all the others. */
static void room(int port, int listeners, int messages) {
  size_t size = 0, heard = 0;
  char text[64], *said = calloc((size_t)messages, 64), *expected = malloc((size_t)messages * 64);
  open_all(port, listeners + 1);
  for (int i = 0; i < messages; i++) {
    size_t length = (size_t)sprintf(text, "%05d " TEXT, i);
    size += put_frame(said + size, text, length, 1);
    heard += put_frame(expected + heard, text, length, 0);
  }
  event("joined");
  wait_go();
  uint64_t begin = now();
  broadcast(said, size, expected, heard);
  event("end {\"count\":%llu,\"ns\":%llu}",
        (unsigned long long)listeners * (unsigned long long)messages,
        (unsigned long long)(now() - begin));
}

static void idle(int port, int wanted, const char *text, char last) {
  char hello[64] = "";
  size_t size = strlen(text);
  if (ws) size = put_frame(hello, text, size, 1);
  else memcpy(hello, text, size);
  open_all(port, wanted);
  event("ready");
  wait_go();
  for (int i = 0; i < count; i++) {
    conns[i].sent = 0;
    send_some(&conns[i], hello, size);
  }
  int missing = count;
  while (missing > 0) {
    struct epoll_event events[EVENTS];
    int ready = epoll_wait(poller, events, EVENTS, 1000);
    for (int i = 0; i < ready; i++) {
      size_t n = receive(events[i].data.ptr);
      if (n > 0 && buffer[n - 1] == last) missing--;
    }
  }
  event("said");
}

int main(int argc, char **argv) {
  long args[6] = {0};
  for (int i = 3; i < argc && i < 9; i++) args[i - 3] = atol(argv[i]);
  if (argc < 5) fail("usage: load LIMIT echo|udp|accept|chat|idle PORT COUNT …");
  alarm((unsigned)atoi(argv[1]));
  if (strcmp(argv[2], "udp") == 0) kind = SOCK_DGRAM;
  ws = strncmp(argv[2], "ws-", 3) == 0;
  if (ws) argv[2] += 3;
  int reopen = strcmp(argv[2], "accept") == 0;
  if (reopen || kind == SOCK_DGRAM || strcmp(argv[2], "echo") == 0)
    echo((int)args[0], (int)args[1], (size_t)args[2], (uint64_t)args[3], (uint64_t)args[4], reopen);
  else if (strcmp(argv[2], "chat") == 0)
    chat((int)args[0], (int)args[1], (int)args[2], (int)args[3]);
  else if (strcmp(argv[2], "room") == 0)
    room((int)args[0], (int)args[1], (int)args[2]);
  else if (strcmp(argv[2], "http-idle") == 0)
    idle((int)args[0], (int)args[1], "GET /hello HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", '}');
  else
    idle((int)args[0], (int)args[1], "hello\n", '\n');
  wait_go();
  return 0;
}
