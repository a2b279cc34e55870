/*
 * The least that a tunnel can cost: one at a time, read and write of 256 KiB, no checks and no
 * limits. What this does not reach is not for a proxy in one thread to reach on the machine.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define GRANTED "HTTP/1.1 200 Connection established\r\n\r\n"

static char buffer[256 * 1024];

/* Passes on what there is; 0 at the end of either side. */
static int pass(int from, int to) {
  ssize_t size = read(from, buffer, sizeof buffer);
  for (ssize_t at = 0; at < size;) {
    ssize_t written = write(to, buffer + at, size - at);
    if (written <= 0) return 0;
    at += written;
  }
  return size > 0;
}

static void tunnel(int near, struct sockaddr_in to) {
  ssize_t size = read(near, buffer, sizeof buffer - 1);
  if (size <= 0) return;
  buffer[size] = 0;
  char *port = strchr(buffer, ':');
  if (port == NULL) return;
  to.sin_port = htons(atoi(port + 1));
  int far = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(far, (struct sockaddr *)&to, sizeof to) == 0 &&
      write(near, GRANTED, sizeof GRANTED - 1) > 0) {
    struct pollfd both[] = {{near, POLLIN, 0}, {far, POLLIN, 0}};
    while (poll(both, 2, -1) > 0) {
      if (both[0].revents != 0 && !pass(near, far)) break;
      if (both[1].revents != 0 && !pass(far, near)) break;
    }
  }
  close(far);
}

int main(int count, char **words) {
  /* It has been compiled for this one run. */
  if (count > 0) unlink(words[0]);
  struct sockaddr_in here = {.sin_family = AF_INET};
  socklen_t size = sizeof here;
  here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  bind(listener, (struct sockaddr *)&here, size);
  listen(listener, 16);
  getsockname(listener, (struct sockaddr *)&here, &size);
  printf("listening on http://127.0.0.1:%d\n", ntohs(here.sin_port));
  fflush(stdout);
  for (;;) {
    int near = accept(listener, NULL, NULL);
    tunnel(near, here);
    close(near);
  }
}
