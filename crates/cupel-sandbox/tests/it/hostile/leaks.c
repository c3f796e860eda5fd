/* Marks: everything that a program could leave for the next one on its lane, each with a check that detects it. `marks
 * leave` leaves all marks. `marks look` checks for each mark. `marks both` does both in one process, which proves that
 * the checks detect the marks. */
#include "kit.h"
#include <mqueue.h>
#include <sys/file.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/utsname.h>

static int exists(const char *path) { return access(path, F_OK) == 0; }

#define FILE_MARK(id, path)                                                    \
  static int leave_##id(void) { return write_file(path, "mark"); }             \
  static int seen_##id(void) { return exists(path); }
FILE_MARK(box, "/box/mark")
FILE_MARK(tmp, "/tmp/mark")
FILE_MARK(shm_file, "/dev/shm/mark")
FILE_MARK(root_file, "/mark")
FILE_MARK(toolchain, "/usr/mark")
FILE_MARK(var, "/var/mark")

/* Writes 16 MiB into a file. A new box must not contain these bytes. */
static int leave_bytes(void) {
  static char block[1 << 20];
  memset(block, 0xA5, sizeof block);
  int fd = open("/tmp/bytes", O_RDWR | O_CREAT, 0644), n = 0;
  for (; n < 16 && write(fd, block, sizeof block) > 0; n++) {
  }
  return n > 0 ? 0 : -1;
}
static int seen_bytes(void) {
  int fd = open("/tmp/bytes", O_RDWR | O_CREAT, 0644), seen = 0;
  if (lseek(fd, 0, SEEK_END) == 0)
    ftruncate(fd, 16 << 20);
  unsigned char *p = mmap(NULL, 16 << 20, PROT_READ, MAP_SHARED, fd, 0);
  for (long at = 0; at < 16 << 20; at += 64)
    seen |= p[at];
  return seen != 0;
}

static int leave_segment(void) {
  int id = shmget(4711, 4096, IPC_CREAT | 0666);
  return id < 0 ? -1 : strcpy(shmat(id, NULL, 0), "mark") != NULL ? 0 : -1;
}
static int seen_segment(void) { return shmget(4711, 0, 0) >= 0; }
static int leave_semaphore(void) {
  int id = semget(4711, 1, IPC_CREAT | 0666);
  return id < 0 ? -1 : semop(id, &(struct sembuf){0, 5, SEM_UNDO}, 1);
}
static int seen_semaphore(void) { return semget(4711, 0, 0) >= 0; }
static int leave_queue(void) {
  int id = msgget(4711, IPC_CREAT | 0666);
  return id < 0 ? -1 : msgsnd(id, &(struct { long type; char c; }){1, 'x'}, 1, 0);
}
static int seen_queue(void) { return msgget(4711, 0) >= 0; }
static int leave_mqueue(void) {
  int made = mq_open("/mark", O_CREAT | O_RDWR, 0666, NULL);
  errno = EACCES;
  return made;
}
static int seen_mqueue(void) { return mq_open("/mark", O_RDONLY) >= 0; }
static int leave_key(void) { return syscall(SYS_add_key, "user", "mark", "x", 1, -4); }
static int seen_key(void) { return syscall(SYS_request_key, "user", "mark", 0, 0) >= 0; }

static struct sockaddr_un abstract(const char *name, socklen_t *length) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strcpy(address.sun_path + 1, name);
  *length = sizeof(sa_family_t) + 1 + strlen(name);
  return address;
}
static int bind_abstract(const char *name) {
  socklen_t length;
  struct sockaddr_un address = abstract(name, &length);
  int s = socket(AF_UNIX, SOCK_STREAM, 0);
  return bind(s, (struct sockaddr *)&address, length) < 0 ? -1 : s;
}
static int taken(const char *name) {
  int s = bind_abstract(name);
  if (s >= 0)
    close(s);
  return s < 0 && errno == EADDRINUSE;
}
/* Listens at an abstract address. */
static int leave_name(void) {
  int s = bind_abstract("mark");
  return s < 0 ? -1 : listen(s, 1);
}
static int seen_name(void) { return taken("mark"); }

/* Puts a descriptor into a ring of sockets that reference each other. The descriptor stays open,
 * although no process has it open. */
static int put_in_flight(int fd) {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
    return -1;
  int send[] = {fd, pair[0], pair[1]};
  char control[CMSG_SPACE(sizeof send)] = {0}, byte = 'x';
  struct iovec data = {&byte, 1};
  struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  struct cmsghdr *c = CMSG_FIRSTHDR(&message);
  c->cmsg_level = SOL_SOCKET;
  c->cmsg_type = SCM_RIGHTS;
  c->cmsg_len = CMSG_LEN(sizeof send);
  memcpy(CMSG_DATA(c), send, sizeof send);
  int sent = sendmsg(pair[0], &message, 0);
  close(fd);
  close(pair[0]);
  close(pair[1]);
  return sent < 0 ? -1 : 0;
}
static int leave_flying_name(void) {
  int s = bind_abstract("flying");
  return s < 0 ? -1 : put_in_flight(s);
}
static int seen_flying_name(void) { return taken("flying"); }
static int seen_sockets(void) {
  static char text[1 << 16];
  int fd = open("/proc/self/net/unix", O_RDONLY);
  ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
  text[n > 0 ? n : 0] = 0;
  /* Without names of sockets, the file contains only its heading. */
  return strstr(text, "@") != NULL;
}

/* Locks on host files that all lanes share: SHARED0 and so on. */
static int open_shared(int which) {
  char path[PATH_MAX];
  snprintf(path, sizeof path, "%s%d", getenv("SHARED"), which);
  return open(path, O_RDONLY);
}
static int lock_shared(int which) {
  int fd = open_shared(which);
  return flock(fd, LOCK_EX | LOCK_NB) < 0 ? -1 : fd;
}
static int leave_lock(void) { return lock_shared(0); }
static int seen_lock(void) {
  int fd = lock_shared(0);
  if (fd >= 0)
    close(fd);
  return fd < 0;
}
static int leave_flying_lock(void) {
  int fd = lock_shared(1);
  return fd < 0 ? -1 : put_in_flight(fd);
}
static int seen_flying_lock(void) {
  int fd = lock_shared(1);
  if (fd >= 0)
    close(fd);
  return fd < 0;
}
static int leave_lease(void) { return fcntl(open_shared(0), F_SETLEASE, F_RDLCK); }
static int seen_lease(void) { return fcntl(open_shared(0), F_GETLEASE) == F_RDLCK; }
static int leave_watch(void) { return syscall(SYS_inotify_init1, 0); }
static int never(void) { return 0; }

static int leave_host_name(void) { return sethostname("mark", 4); }
static int seen_host_name(void) {
  struct utsname name;
  uname(&name);
  return strcmp(name.nodename, "cupel") != 0;
}

/* Processes: in another session, ignoring signals, stopped, with an armed timer. */
static int leave_process(void) {
  int pid = fork();
  if (pid == 0) {
    setsid();
    if (fork())
      _exit(0);
    for (int n = 1; n < 32; n++)
      signal(n, SIG_IGN);
    struct itimerval soon = {{0, 1000}, {0, 1000}};
    setitimer(ITIMER_REAL, &soon, NULL);
    for (;;)
      pause();
  }
  usleep(2000);
  return pid < 0 ? -1 : 0;
}
static int seen_process(void) {
  int seen = 0;
  for (int pid = 2; pid < 400; pid++)
    seen += pid != getpid() && kill(pid, 0) == 0;
  return seen > 0;
}
static int leave_core(void) {
  struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};
  return setrlimit(RLIMIT_CORE, &all);
}
static int seen_core(void) { return exists("/box/core"); }

/* Attributes of a process, which the next program would inherit if it were forked from this one. */
static int leave_nice(void) { return setpriority(PRIO_PROCESS, 0, 7); }
static int seen_nice(void) { return getpriority(PRIO_PROCESS, 0) != 0; }
static int leave_policy(void) { return sched_setscheduler(0, SCHED_BATCH, &(struct sched_param){0}); }
static int seen_policy(void) { return sched_getscheduler(0) != SCHED_OTHER; }
static int leave_io_priority(void) { return syscall(SYS_ioprio_set, 1, 0, 3 << 13); }
static int leave_slack(void) { return prctl(PR_SET_TIMERSLACK, 777777, 0, 0, 0); }
static int seen_slack(void) { return prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0) == 777777; }
static int leave_personality(void) { return personality(ADDR_NO_RANDOMIZE); }
static int seen_personality(void) { return personality(0xffffffff) != 0; }
static int leave_mask(void) {
  sigset_t all;
  sigfillset(&all);
  return sigprocmask(SIG_BLOCK, &all, NULL);
}
static int seen_mask(void) {
  sigset_t now;
  sigprocmask(SIG_BLOCK, NULL, &now);
  return sigismember(&now, SIGUSR1);
}
static int leave_pending(void) { return kill(getpid(), SIGUSR1); }
static int seen_pending(void) {
  sigset_t now;
  sigpending(&now);
  return sigismember(&now, SIGUSR1);
}
static int leave_ignored(void) { return signal(SIGUSR2, SIG_IGN) == SIG_ERR ? -1 : 0; }
static int seen_ignored(void) {
  struct sigaction now;
  sigaction(SIGUSR2, NULL, &now);
  return now.sa_handler == SIG_IGN;
}
static int leave_umask(void) { return umask(0777) >= 0 ? 0 : -1; }
static int seen_umask(void) {
  mode_t now = umask(022);
  umask(now);
  return now == 0777;
}
static int leave_rlimit(void) { return setrlimit(RLIMIT_NOFILE, &(struct rlimit){33, 33}); }
static int seen_rlimit(void) {
  struct rlimit now;
  getrlimit(RLIMIT_NOFILE, &now);
  return now.rlim_max == 33;
}
static int leave_environment(void) { return setenv("MARK", "x", 1); }
static int seen_environment(void) { return getenv("MARK") != NULL; }
static int leave_directory(void) { return chdir("/usr/lib"); }
static int seen_directory(void) {
  char cwd[64];
  return getcwd(cwd, sizeof cwd) != NULL && strcmp(cwd, "/box") != 0;
}
static int leave_undumpable(void) { return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); }
static int seen_undumpable(void) { return prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 1; }
static int leave_thp(void) { return prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0); }
static int seen_thp(void) { return prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0) == 1; }
static int leave_reaper(void) { return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); }
static int seen_reaper(void) {
  int now = 0;
  prctl(PR_GET_CHILD_SUBREAPER, &now, 0, 0, 0);
  return now;
}
static int leave_death_signal(void) { return prctl(PR_SET_PDEATHSIG, SIGUSR1, 0, 0, 0); }
static int seen_death_signal(void) {
  int now = 0;
  prctl(PR_GET_PDEATHSIG, &now, 0, 0, 0);
  return now == SIGUSR1;
}
static int leave_descriptor(void) { return dup2(0, 50); }
static int seen_descriptor(void) { return fcntl(50, F_GETFD) != -1; }
static int leave_oom(void) { return write_file("/proc/self/oom_score_adj", "0"); }
static int leave_kernel(void) { return write_file("/proc/sys/kernel/domainname", "mark"); }
static int leave_group(void) { return mkdir("/sys/fs/cgroup/mark", 0755); }
static int seen_group(void) {
  char text[4096] = {0};
  read(open("/proc/self/cgroup", O_RDONLY), text, sizeof text - 1);
  return strstr(text, "mark") != NULL;
}
static int leave_access_time(void) {
  struct stat before, after;
  char byte;
  stat("/usr/bin/yes", &before);
  utimes("/usr/bin/yes", NULL);
  read(open("/usr/bin/yes", O_RDONLY), &byte, 1);
  stat("/usr/bin/yes", &after);
  errno = EROFS;
  return memcmp(&before.st_atim, &after.st_atim, sizeof before.st_atim) == 0 ? -1 : 0;
}

#define MARK(name, id) {name, leave_##id, seen_##id}
static const struct { const char *name; int (*leave)(void), (*seen)(void); } marks[] = {
    MARK("file in /box", box), MARK("file in /tmp", tmp), MARK("file in /dev/shm", shm_file), MARK("file in /", root_file),
    MARK("file in /usr", toolchain), MARK("file in /var", var), MARK("bytes of a file", bytes),
    MARK("shared memory", segment), MARK("semaphore", semaphore), MARK("message queue", queue), MARK("POSIX message queue", mqueue), MARK("key", key),
    MARK("abstract socket", name), MARK("abstract socket in flight", flying_name),
    {"name in the list of sockets", leave_name, seen_sockets},
    MARK("lock on a shared file", lock), MARK("lock in flight", flying_lock), MARK("lease", lease),
    {"watch", leave_watch, never}, MARK("host name", host_name), MARK("process", process), MARK("core file", core),
    MARK("nice", nice), MARK("scheduling policy", policy), {"I/O priority", leave_io_priority, never}, MARK("timer slack", slack),
    MARK("personality", personality), MARK("blocked signals", mask), MARK("pending signal", pending), MARK("ignored signal", ignored),
    MARK("umask", umask), MARK("environment", environment), MARK("working directory", directory), MARK("not dumpable", undumpable),
    MARK("huge pages off", thp), MARK("subreaper", reaper), MARK("death signal", death_signal), MARK("descriptor", descriptor),
    {"OOM preference", leave_oom, never}, {"kernel setting", leave_kernel, never}, MARK("control group", group),
    {"access time of a toolchain's file", leave_access_time, never}, MARK("open files", rlimit)};

/* argv: the action; a word that selects the marks whose names contain it; whether to run forever afterwards. Prints the
 * lane first (identified by its map of user ids), then a line for each mark. */
ATTACK(marks) {
  const char *word = argc > 1 ? argv[1] : "";
  char map[128] = {0};
  long inside, outside = 0;
  read(open("/proc/self/uid_map", O_RDONLY), map, sizeof map - 1);
  for (char *line = strtok(map, "\n"); line; line = strtok(NULL, "\n"))
    if (sscanf(line, "%ld %ld", &inside, &outside) == 2)
      break;
  dprintf(1, "lane: %ld\n", outside);
  int all = sizeof marks / sizeof *marks, left[sizeof marks / sizeof *marks];
  for (int i = 0; i < all && strcmp(argv[0], "look"); i++) {
    if (!strstr(marks[i].name, word))
      continue;
    errno = 0;
    left[i] = marks[i].leave() >= 0 || (i && marks[i].leave == leave_name);
    if (!strcmp(argv[0], "leave"))
      dprintf(1, "%s: %s\n", marks[i].name, left[i] ? "left" : strerrorname_np(errno));
  }
  if (argc > 2)
    spin();
  for (int i = 0; i < all && strcmp(argv[0], "leave"); i++)
    if (!strstr(marks[i].name, word))
      continue;
    else if (!strcmp(argv[0], "look"))
      dprintf(1, "%s: %s\n", marks[i].name, marks[i].seen() ? "SEEN" : "clean");
    else if (left[i])
      dprintf(1, "%s: %s\n", marks[i].name, marks[i].seen() ? "seen" : "OVERLOOKED");
  return 0;
}
