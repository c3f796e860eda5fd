/* Attacks by sockets, and by signals. */
#include "kit.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <mqueue.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>

ATTACK(families) {
  static const struct { int family, type, protocol; const char *name; } families[] = {
      {AF_INET, SOCK_STREAM, 0, "INET stream"}, {AF_INET, SOCK_DGRAM, 0, "INET datagram"}, {AF_INET, SOCK_RAW, 1, "INET raw"},
      {AF_INET6, SOCK_STREAM, 0, "INET6"}, {AF_NETLINK, SOCK_RAW, 0, "NETLINK"}, {AF_PACKET, SOCK_RAW, 0, "PACKET"},
      {AF_VSOCK, SOCK_STREAM, 0, "VSOCK"}, {AF_ALG, SOCK_SEQPACKET, 0, "ALG"}, {AF_BLUETOOTH, SOCK_RAW, 1, "BLUETOOTH"},
      {AF_CAN, SOCK_RAW, 1, "CAN"}, {AF_TIPC, SOCK_SEQPACKET, 0, "TIPC"}, {AF_KEY, SOCK_RAW, 2, "KEY"}, {AF_RDS, SOCK_SEQPACKET, 0, "RDS"},
      {AF_XDP, SOCK_RAW, 0, "XDP"}, {AF_UNSPEC, SOCK_STREAM, 0, "UNSPEC"}, {AF_QIPCRTR, SOCK_DGRAM, 0, "QIPCRTR"}, {AF_KCM, SOCK_DGRAM, 0, "KCM"},
      {AF_SMC, SOCK_STREAM, 0, "SMC"}, {AF_PPPOX, SOCK_STREAM, 0, "PPPOX"}, {AF_X25, SOCK_SEQPACKET, 0, "X25"}};
  for (unsigned i = 0; i < sizeof families / sizeof *families; i++) {
    errno = 0;
    int fd = socket(families[i].family, families[i].type, families[i].protocol);
    if (fd >= 0 || errno != EAFNOSUPPORT)
      say(families[i].name, fd);
  }
  int pair[2];
  TRY("INET pair", socketpair(AF_INET, SOCK_STREAM, 0, pair));
  TRY("UNIX pair", socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
  return 0;
}

/* argv: the port of a listener on the host's loopback, the abstract name of two listeners, the path of a listener. */
ATTACK(reach_the_host) {
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[0])), .sin_addr = {htonl(INADDR_LOOPBACK)}};
  TRY("loopback", connect(fd, (struct sockaddr *)&to, sizeof to));
  struct sockaddr_un name = {.sun_family = AF_UNIX};
  strcpy(name.sun_path + 1, argv[1]);
  socklen_t length = sizeof(sa_family_t) + 1 + strlen(argv[1]);
  TRY("abstract stream", connect(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&name, length));
  TRY("abstract datagram", sendto(socket(AF_UNIX, SOCK_DGRAM, 0), "x", 1, 0, (struct sockaddr *)&name, length));
  struct sockaddr_un path = {.sun_family = AF_UNIX};
  strcpy(path.sun_path, argv[2]);
  TRY("socket file", connect(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&path, sizeof path));
  return 0;
}

/* A program may bind an abstract name. The name is free after the run: the victim binds it again. */
ATTACK(own_abstract_socket) {
  struct sockaddr_un left = {.sun_family = AF_UNIX, .sun_path = "\0left"};
  int s = socket(AF_UNIX, SOCK_STREAM, 0);
  TRY("bind", bind(s, (struct sockaddr *)&left, sizeof(sa_family_t) + 5));
  TRY("listen", listen(s, 5));
  TRY("connect", connect(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&left, sizeof(sa_family_t) + 5));
  return 0;
}

static void send_fd(int to, int fd) {
  char control[CMSG_SPACE(sizeof(int))] = {0}, byte = 'x';
  struct iovec data = {&byte, 1};
  struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  struct cmsghdr *c = CMSG_FIRSTHDR(&message);
  c->cmsg_level = SOL_SOCKET;
  c->cmsg_type = SCM_RIGHTS;
  c->cmsg_len = CMSG_LEN(sizeof(int));
  memcpy(CMSG_DATA(c), &fd, sizeof(int));
  sendmsg(to, &message, 0);
}
/* Puts standard output into a ring of sockets that reference each other. The descriptor stays
 * open, although no process has it open. */
ATTACK(output_in_flight) {
  for (int i = 0; i < 10; i++) {
    int pair[2];
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    send_fd(pair[0], 1);
    send_fd(pair[0], 2);
    send_fd(pair[0], pair[1]);
    send_fd(pair[1], pair[0]);
    close(pair[0]);
    close(pair[1]);
  }
  dprintf(1, "in flight\n");
  return 0;
}

/* Puts a deleted file and a memory file, of 15 MiB each, into such a ring. */
ATTACK(memory_in_flight) {
  static char block[1 << 20];
  memset(block, 1, sizeof block);
  int pair[2], fd = open("/tmp/file", O_RDWR | O_CREAT, 0644), mem = memfd_create("x", 0);
  for (int i = 0; i < 15; i++) {
    write(fd, block, sizeof block);
    write(mem, block, sizeof block);
  }
  unlink("/tmp/file");
  socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
  send_fd(pair[0], fd);
  send_fd(pair[0], mem);
  send_fd(pair[0], pair[1]);
  send_fd(pair[1], pair[0]);
  return 0;
}

/* System V and POSIX objects, which outlive their creator. */
ATTACK(leave_ipc) {
  TRY("shmget", shmget(7, 4096, IPC_CREAT | 0666));
  TRY("semget", semget(7, 1, IPC_CREAT | 0666));
  int q = msgget(7, IPC_CREAT | 0666);
  TRY("msgsnd", msgsnd(q, &(struct { long type; char c; }){1, 'x'}, 1, 0));
  dprintf(1, "mq_open: %s\n", mq_open("/left", O_CREAT | O_RDWR, 0666, NULL) < 0 ? "refused" : "OK");
  return 0;
}

ATTACK(signals_to_others) {
  TRY("kill(1, KILL)", kill(1, SIGKILL));
  TRY("kill(1, STOP)", kill(1, SIGSTOP));
  TRY("kill(1, 0)", kill(1, 0));
  TRY("tgkill(1, 1)", syscall(SYS_tgkill, 1, 1, SIGKILL));
  TRY("sigqueue(1)", sigqueue(1, SIGKILL, (union sigval){0}));
  TRY("kill(parent)", kill(getppid(), SIGKILL));
  int pidfd = syscall(SYS_pidfd_open, 1, 0);
  TRY("pidfd_send_signal", syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, 0, 0));
  for (int i = 0; i < argc; i++) {
    TRY("kill(host process)", kill(atoi(argv[i]), SIGKILL));
    TRY("kill(host process group)", kill(-atoi(argv[i]), SIGKILL));
    TRY("pidfd_open(host process)", syscall(SYS_pidfd_open, atoi(argv[i]), 0));
  }
  /* A signal that the kernel sends on the program's behalf: to init, when a pipe becomes readable. */
  int ends[2];
  pipe(ends);
  fcntl(ends[0], F_SETFL, O_ASYNC);
  fcntl(ends[0], F_SETSIG, SIGKILL);
  TRY("F_SETOWN 1", fcntl(ends[0], F_SETOWN, 1));
  write(ends[1], "x", 1);
  TRY("kill(-1, KILL)", kill(-1, SIGKILL));
  dprintf(1, "still here\n");
  return 0;
}

/* Creates twenty processes, kills all other processes with one call, and then kills its own group. */
ATTACK(kill_all_processes) {
  for (int i = 0; i < 20; i++)
    if (fork() == 0)
      pause();
  TRY("kill(-1, KILL)", kill(-1, SIGKILL));
  int killed = 0, status;
  while (wait(&status) > 0)
    killed += WIFSIGNALED(status);
  dprintf(1, "children killed: %d\n", killed);
  TRY("kill(0, KILL)", kill(0, SIGKILL));
  return 0;
}

ATTACK(timers) {
  struct itimerval t = {{0, 1000}, {0, 20000}};
  setitimer(ITIMER_REAL, &t, NULL);
  pause();
  return 0;
}

static volatile sig_atomic_t ticks;
static void tick(int n) { ticks += n > 0; }
ATTACK(timer_storm) {
  signal(SIGALRM, tick);
  timer_t timer;
  int made = 0;
  struct itimerspec often = {{0, 100000}, {0, 100000}};
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM};
  for (int i = 0; i < 1000 && timer_create(CLOCK_MONOTONIC, &event, &timer) == 0; i++, made++)
    timer_settime(timer, 0, &often, NULL);
  burn_ms(CLOCK_PROCESS_CPUTIME_ID, 50);
  dprintf(1, "made: %d\n", made);
  return ticks ? 0 : 1;
}

ATTACK(signal_storm) {
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_BLOCK, &all, NULL);
  int sent = 0;
  while (sent < 100000 && sigqueue(getpid(), SIGRTMIN + 3, (union sigval){0}) == 0)
    sent++;
  say("sigqueue", -1);
  dprintf(1, "sent: %d\n", sent);
  return 0;
}

/* Occupies every named resource, prints a line, and keeps running. */
ATTACK(stay_everywhere) {
  shmget(7, 4096, IPC_CREAT | 0666);
  semget(7, 1, IPC_CREAT | 0666);
  msgget(7, IPC_CREAT | 0666);
  struct sockaddr_un left = {.sun_family = AF_UNIX, .sun_path = "\0left"};
  bind(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&left, sizeof(sa_family_t) + 5);
  write_file("/box/f0", "mine");
  write_file("/tmp/f1", "mine");
  write_file("/dev/shm/f2", "mine");
  for (int i = 0; i < 20; i++)
    if (fork() == 0)
      pause();
  dprintf(1, "ready\n");
  pause();
  return 0;
}
