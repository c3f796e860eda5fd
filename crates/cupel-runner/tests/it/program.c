/* A program that tests what an executor provides. It has one mode for each rule. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static int surroundings(char **argv) {
  char directory[256];
  extern char **environ;
  for (char **a = argv; *a; a++)
    printf("argument %s\n", *a);
  for (char **e = environ; *e; e++)
    printf("variable %s\n", *e);
  printf("directory %s\n", getcwd(directory, sizeof directory));
  printf("is root %d\n", getuid() == 0 || getgid() == 0);
  return 0;
}

static int copy(void) {
  char bytes[65536];
  ssize_t n, total = 0;
  while ((n = read(0, bytes, sizeof bytes)) > 0) {
    for (ssize_t at = 0; at < n;)
      at += write(1, bytes + at, n - at);
    total += n;
  }
  fprintf(stderr, "end after %zd\n", total);
  return 0;
}

static int fill(const char *path) {
  static char block[65536];
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  memset(block, 1, sizeof block);
  long long total = 0;
  for (;;) {
    ssize_t n = write(fd, block, sizeof block);
    if (n < 0)
      break;
    total += n;
  }
  printf("%s after %lld MiB\n", strerrorname_np(errno), (total + (1 << 19)) >> 20);
  return 0;
}

static int forks(void) {
  int n = 0;
  for (;; n++) {
    pid_t pid = fork();
    if (pid == 0)
      pause();
    if (pid < 0)
      break;
  }
  printf("%d %s\n", n + 1, strerrorname_np(errno));
  return 0;
}

static int opens(void) {
  int n = 3;
  while (open("/dev/null", O_RDONLY) >= 0)
    n++;
  printf("%d %s\n", n, strerrorname_np(errno));
  return 0;
}

static int cpu_limit(void) {
  struct rlimit limit;
  getrlimit(RLIMIT_CPU, &limit);
  printf("%ld s\n", (long)limit.rlim_cur);
  return 0;
}

static void put(const char *path, const char *text, int mode) {
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, mode);
  if (fd < 0 || write(fd, text, strlen(text)) < 0)
    printf("%s: %s\n", path, strerrorname_np(errno));
  close(fd);
}

static int files(void) {
  mkdir("out", 0755);
  mkdir("out/deep", 0700);
  put("out/a", "first", 0644);
  put("out/deep/b", "second", 0755);
  put("top", "third", 0600);
  if (symlink("/etc/passwd", "out/link") || mkfifo("out/pipe", 0600))
    return 1;
  return 0;
}

/* The same files in the outbox, in directories without some permissions of their owner. */
static int files_without_permissions(void) {
  if (files() || mkdir("out/listed", 0700))
    return 1;
  put("out/listed/c", "fourth", 0);
  return chmod("out/a", 0200) || chmod("out/deep/b", 0100) || chmod("out/deep", 0) || chmod("out/listed", 0400) ||
         chmod("out", 0300) || chmod(".", 0);
}

/* Uses the space of an input file as memory. */
static int replace(size_t bytes) {
  char *memory = unlink("data") ? NULL : malloc(bytes);
  if (!memory)
    return 1;
  for (int i = 0; i < 10; i++)
    memset(memory, i, bytes);
  return memory[bytes / 2] != 9;
}

static int leave(void) {
  const char *places[] = {"/box/left", "/tmp/left", "/dev/shm/left"};
  for (int i = 0; i < 3; i++)
    put(places[i], "left", 0666);
  if (fork() == 0) {
    setsid();
    for (;;)
      pause();
  }
  return 0;
}

/* Lists the contents of the writable directories, and the processes. */
static int look(void) {
  const char *places[] = {"/box", "/tmp", "/dev/shm"};
  for (int i = 0; i < 3; i++) {
    DIR *directory = opendir(places[i]);
    for (struct dirent *entry; directory && (entry = readdir(directory));)
      if (entry->d_name[0] != '.' && strcmp(entry->d_name, "program"))
        printf("%s/%s\n", places[i], entry->d_name);
  }
  for (int pid = 2; pid < 1000; pid++)
    if (pid != getpid() && kill(pid, 0) == 0)
      printf("process %d\n", pid);
  return 0;
}

/* Prints the contents of files. */
static int show(char **names) {
  for (; *names; names++) {
    char text[100] = "";
    FILE *file = fopen(*names, "r");
    printf("%s: %s\n", *names, file && fgets(text, sizeof text, file) ? text : "missing");
  }
  return 0;
}

/* Exhausts the memory with shared memory segments. They belong to no process, so killing processes frees none of it. */
static int exhaust(void) {
  put("/proc/self/oom_score_adj", "0", 0);
  for (int i = 0; i < 3; i++)
    fork();
  for (;;) {
    int id = shmget(IPC_PRIVATE, 8 << 20, 0600 | IPC_CREAT);
    char *segment = id < 0 ? (char *)-1 : shmat(id, NULL, 0);
    if (segment == (char *)-1)
      pause();
    memset(segment, 1, 8 << 20);
    shmdt(segment);
  }
}

static void must_fail(const char *what, long result) {
  if (result >= 0)
    printf("%s succeeds\n", what);
}

static int inet(int type, int port) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int fd = socket(AF_INET, type, 0);
  return fd < 0 ? -1 : connect(fd, (struct sockaddr *)&to, sizeof to);
}

static int unix_socket(const char *path) {
  struct sockaddr_un to = {.sun_family = AF_UNIX};
  snprintf(to.sun_path, sizeof to.sun_path, "%s", path);
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  return fd < 0 ? -1 : connect(fd, (struct sockaddr *)&to, sizeof to);
}

/* A record lock uses kernel memory that no control group is charged for. Setting it succeeds without effect. */
static void lock_a_record(void) {
  struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1};
  int status, file = open("/tmp/locked", O_RDWR | O_CREAT, 0600);
  if (file < 0 || fcntl(file, F_SETLK, &lock) != 0)
    printf("a record lock fails: %s\n", strerror(errno));
  pid_t other = fork();
  if (other == 0) {
    fcntl(file, F_GETLK, &lock);
    _exit(lock.l_type == F_UNLCK ? 0 : 1);
  }
  if (other < 0 || waitpid(other, &status, 0) != other || status != 0)
    printf("a record lock was set\n");
}

/* Attempts forbidden operations, and prints those that succeed. */
static int attack(int port, const char *docker) {
  struct rlimit none = {0, 0};
  struct sched_param idle = {0};
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(0, &one);
  must_fail("connect", inet(SOCK_STREAM, port));
  must_fail("connect to the engine", unix_socket(docker));
  must_fail("connect to the engine's usual socket", unix_socket("/var/run/docker.sock"));
  must_fail("raw socket", socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));
  must_fail("packet socket", socket(AF_PACKET, SOCK_RAW, 0));
  must_fail("netlink", socket(AF_NETLINK, SOCK_RAW, 0));
  must_fail("become root", setuid(0));
  must_fail("become the group root", setgid(0));
  must_fail("chroot", chroot("/tmp"));
  must_fail("mount", mount("none", "/tmp", "tmpfs", 0, ""));
  must_fail("remount", mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND, NULL));
  must_fail("unmount", umount2("/proc", MNT_DETACH));
  must_fail("user namespace", unshare(CLONE_NEWUSER));
  must_fail("mount namespace", unshare(CLONE_NEWNS));
  must_fail("device", mknod("/tmp/device", S_IFBLK | 0600, 0));
  must_fail("write to the root", open("/file", O_WRONLY | O_CREAT, 0600));
  must_fail("write to the image", open("/usr/file", O_WRONLY | O_CREAT, 0600));
  must_fail("write to the kernel's settings", open("/proc/sys/kernel/core_pattern", O_WRONLY));
  must_fail("trigger", open("/proc/sysrq-trigger", O_WRONLY));
  must_fail("write to a group", open("/sys/fs/cgroup/memory/memory.limit_in_bytes", O_WRONLY));
  must_fail("write to a group of version 2", open("/sys/fs/cgroup/memory.max", O_WRONLY));
  must_fail("make a group", mkdir("/sys/fs/cgroup/memory/g", 0700));
  must_fail("kernel log", syscall(SYS_syslog, 3, "", 0));
  must_fail("bpf", syscall(SYS_bpf, 0, NULL, 0));
  must_fail("perf", syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0));
  must_fail("keys", syscall(SYS_add_key, "user", "k", "v", 1, -2));
  must_fail("io_uring", syscall(SYS_io_uring_setup, 1, NULL));
  must_fail("userfaultfd", syscall(SYS_userfaultfd, 0));
  must_fail("module", syscall(SYS_init_module, NULL, 0, ""));
  must_fail("trace the init", ptrace(PTRACE_ATTACH, 1, 0, 0));
  must_fail("seize the init", ptrace(PTRACE_SEIZE, 1, 0, 0));
  must_fail("limits of the init", syscall(SYS_prlimit64, 1, RLIMIT_NOFILE, &none, NULL));
  must_fail("priority of the init", setpriority(PRIO_PROCESS, 1, 19));
  must_fail("processors of the init", sched_setaffinity(1, sizeof one, &one));
  must_fail("scheduler of the init", sched_setscheduler(1, SCHED_IDLE, &idle));
  must_fail("a descriptor of the init", syscall(SYS_pidfd_getfd, syscall(SYS_pidfd_open, 1, 0), 0, 0));
  must_fail("memory of the init", open("/proc/1/mem", O_RDWR));
  must_fail("descriptors of the init", open("/proc/1/fd", O_RDONLY | O_DIRECTORY) < 0 ? -1 : open("/proc/1/fd/0", O_RDWR));
  must_fail("environment of the init", open("/proc/1/environ", O_RDONLY) < 0 ? -1 : (long)read(open("/proc/1/environ", O_RDONLY), &none, 8));
  must_fail("score of the init", open("/proc/1/oom_score_adj", O_WRONLY));
  lock_a_record();
  /* The C library falls back to clone only if clone3 fails with this error. */
  if (syscall(SYS_clone3, NULL, 0) != -1 || errno != ENOSYS)
    printf("clone3: %s\n", strerrorname_np(errno));
  /* The kernel accepts signals to the init process and drops them, so the run continues. */
  kill(1, SIGKILL);
  kill(1, SIGSTOP);
  kill(1, SIGTERM);
  puts("done");
  return 0;
}

static void interrupted(int signal) {
  (void)signal;
  write(1, "interrupted\n", 12);
  _exit(7);
}

static void resized(int signal) {
  struct winsize size;
  char text[64];
  (void)signal;
  ioctl(0, TIOCGWINSZ, &size);
  write(1, text, sprintf(text, "%dx%d\n", size.ws_col, size.ws_row));
}

static int terminal(void) {
  char line[256];
  ssize_t n;
  struct sigaction on_resize = {.sa_handler = resized, .sa_flags = SA_RESTART};
  sigaction(SIGWINCH, &on_resize, NULL);
  signal(SIGINT, interrupted);
  printf("terminal %d %d %d\n", isatty(0), isatty(1), isatty(2));
  fflush(stdout);
  resized(0);
  while ((n = read(0, line, sizeof line)) > 0)
    printf("read %.*s", (int)n, line), fflush(stdout);
  puts("end of input");
  return 0;
}

/* Whether a file can be opened for reading and writing. */
static int opens_file(const char *path, int flags) {
  int fd = open(path, O_RDWR | O_NOCTTY | flags, 0600);
  if (fd < 0)
    printf("%s: %s\n", path, strerrorname_np(errno));
  else
    close(fd);
  return fd >= 0;
}

/* Opens pseudo-terminals until that fails, and then what a program may open. */
static int pairs(void) {
  int count = 0;
  while (count < 100 && open("/dev/ptmx", O_RDWR | O_NOCTTY) >= 0)
    count++;
  puts(count < 32 ? "few" : "many");
  opens_file("/dev/null", 0);
  opens_file("/tmp/file", O_CREAT);
  opens_file("/dev/shm/file", O_CREAT);
  opens_file("/proc/self/fd/1", 0);
  if (isatty(0))
    opens_file("/dev/tty", 0), opens_file(ttyname(0), 0);
  if (mkdir("a", 0700) || mkdir("b", 0700) || !opens_file("a/file", O_CREAT) || rename("a/file", "b/file"))
    puts("no file was moved");
  return 0;
}

/* Opens a pseudo-terminal in place of standard input, which needs no further descriptor. */
static int pair(void) {
  close(0);
  puts(open("/dev/ptmx", O_RDWR | O_NOCTTY) < 0 ? "none" : "one");
  return 0;
}

/* Guesses a number that the other party has chosen. */
static int guess(void) {
  char answer[16];
  for (int low = 0, high = 100;;) {
    int middle = (low + high) / 2;
    printf("%d\n", middle);
    fflush(stdout);
    if (!fgets(answer, sizeof answer, stdin))
      return 1;
    if (*answer == '=')
      return 0;
    if (*answer == '<')
      high = middle;
    else
      low = middle;
  }
}

static int judge(int number) {
  for (int guessed, tries = 1; scanf("%d", &guessed) == 1; tries++) {
    puts(guessed == number ? "=" : guessed > number ? "<" : ">");
    fflush(stdout);
    if (guessed == number) {
      fprintf(stderr, "%d tries\n", tries);
      return 42;
    }
  }
  return 43;
}

int main(int argc, char **argv) {
  const char *mode = argc > 1 ? argv[1] : "";
  const char *argument = argc > 2 ? argv[2] : "";
  if (!strcmp(mode, "surroundings"))
    return surroundings(argv);
  if (!strcmp(mode, "copy"))
    return copy();
  if (!strcmp(mode, "nothing"))
    return 0;
  if (!strcmp(mode, "streams")) {
    write(1, "out", 3);
    write(2, "error", 5);
    write(3, "result", 6);
    return 0;
  }
  if (!strcmp(mode, "order")) {
    for (int i = 0; i < 5; i++)
      write(1, "o", 1), write(2, "e", 1);
    return 0;
  }
  if (!strcmp(mode, "stream")) {
    write(1, "early\n", 6);
    for (;;)
      pause();
  }
  if (!strcmp(mode, "fill"))
    return fill(argument);
  if (!strcmp(mode, "forks"))
    return forks();
  if (!strcmp(mode, "opens"))
    return opens();
  if (!strcmp(mode, "cpu_limit"))
    return cpu_limit();
  if (!strcmp(mode, "files"))
    return files();
  if (!strcmp(mode, "files_without_permissions"))
    return files_without_permissions();
  if (!strcmp(mode, "files_and_crash"))
    return files(), raise(SIGSEGV);
  if (!strcmp(mode, "replace"))
    return replace((size_t)atoi(argument) << 20);
  if (!strcmp(mode, "leave"))
    return leave();
  if (!strcmp(mode, "look"))
    return look();
  if (!strcmp(mode, "show"))
    return show(argv + 2);
  if (!strcmp(mode, "exhaust"))
    return exhaust();
  if (!strcmp(mode, "attack"))
    return attack(atoi(argument), argv[3]);
  if (!strcmp(mode, "terminal"))
    return terminal();
  if (!strcmp(mode, "pairs"))
    return pairs();
  if (!strcmp(mode, "pair"))
    return pair();
  if (!strcmp(mode, "lines")) {
    for (int number = 0; number < 7000; number++)
      printf("line %d\n", number);
    return 0;
  }
  if (!strcmp(mode, "guess"))
    return guess();
  if (!strcmp(mode, "judge"))
    return judge(atoi(argument));
  return 99;
}
