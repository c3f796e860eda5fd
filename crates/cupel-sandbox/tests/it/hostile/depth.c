/* Attacks for the matrix of walls: each prints `breached` if it succeeds and `stopped` if not. Success does no harm,
 * even as the host's root. */
#include "kit.h"
#include <arpa/inet.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <sys/ipc.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/shm.h>
#include <sys/uio.h>

static int answer(int breached) {
  int error = errno;
  dprintf(1, "%s (%s)\n", breached ? "breached" : "stopped", strerrorname_np(error));
  return 0;
}

/* argv[0]: a host file that is readable by everyone. */
ATTACK(depth_read_host) {
  char below[PATH_MAX];
  snprintf(below, sizeof below, "/opt/host%s", argv[0]);
  return answer(open(argv[0], O_RDONLY) >= 0 || open(below, O_RDONLY) >= 0);
}

/* argv[0]: a mounted file that is writable by everyone. */
ATTACK(depth_write_toolchain) { return answer(open(argv[0], O_WRONLY | O_APPEND) >= 0); }

/* Sets the mode that the file already has. */
ATTACK(depth_chmod_toolchain) {
  struct stat now;
  return answer(stat(argv[0], &now) == 0 && chmod(argv[0], now.st_mode & 07777) == 0);
}

/* argv[0]: a mounted file that only the host's root may read. */
ATTACK(depth_be_root) { return answer(open(argv[0], O_RDONLY) >= 0); }

/* argv[0]: a set-uid program of the host's root. */
ATTACK(depth_set_uid) {
  int ends[2], status;
  char text[128] = {0};
  pipe(ends);
  if (fork() == 0) {
    dup2(ends[1], 1);
    char *const who[] = {"x", "depth_effective", NULL}, *const none[] = {NULL};
    execve(argv[0], who, none);
    _exit(1);
  }
  wait(&status);
  read(ends[0], text, sizeof text - 1);
  return answer(strcmp(text, "0") == 0);
}
ATTACK(depth_effective) {
  dprintf(1, "%d", geteuid());
  return 0;
}

ATTACK(depth_user_namespace) { return answer(unshare(0x10000000) == 0); }
ATTACK(depth_mount) { return answer(mount("tmpfs", "/tmp", "tmpfs", 0, NULL) == 0); }

/* Opens a file that could make the host's kernel run a program; writes nothing. */
ATTACK(depth_release_agent) {
  mkdir("/box/g", 0755);
  if (mount("cgroup", "/box/g", "cgroup", 0, "memory") < 0 && mount("cgroup2", "/box/g", "cgroup2", 0, NULL) < 0)
    return answer(0);
  return answer(open("/box/g/release_agent", O_WRONLY) >= 0 || open("/box/g/cgroup.subtree_control", O_WRONLY) >= 0);
}

/* argv[0]: the port of a listener on the host's loopback. */
ATTACK(depth_loopback) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[0])), .sin_addr = {htonl(INADDR_LOOPBACK)}};
  return answer(connect(socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&to, sizeof to) == 0);
}

/* argv[0]: the abstract name of a listener on the host. */
ATTACK(depth_abstract) {
  struct sockaddr_un name = {.sun_family = AF_UNIX};
  strcpy(name.sun_path + 1, argv[0]);
  return answer(connect(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&name, sizeof(sa_family_t) + 1 + strlen(argv[0])) == 0);
}

ATTACK(depth_raw_socket) { return answer(socket(AF_INET, SOCK_RAW, 255) >= 0); }

ATTACK(depth_device) {
  return answer(mknod("/box/zero", S_IFCHR | 0666, 1 << 8 | 5) == 0 && open("/box/zero", O_RDONLY) >= 0);
}

/* argv[0]: the host's UTS namespace. Sets the name that it already has. */
ATTACK(depth_host_name) {
  char name[65], space[64] = {0};
  gethostname(name, sizeof name);
  int changed = sethostname(name, strlen(name)) == 0, error = errno;
  readlink("/proc/self/ns/uts", space, sizeof space - 1);
  errno = error;
  return answer(changed && strcmp(space, argv[0]) == 0);
}

/* Memory of the cell's init: by system call, by /proc, by tracing. */
ATTACK(depth_memory_of_init) {
  char byte;
  struct iovec local = {&byte, 1}, remote = {(void *)8, 1};
  int breached = process_vm_readv(1, &local, 1, &remote, 1, 0) >= 0 || errno == EFAULT;
  int error = errno;
  breached |= open("/proc/1/mem", O_RDONLY) >= 0;
  if (ptrace(PTRACE_SEIZE, 1, 0, 0) == 0)
    breached = 1, ptrace(PTRACE_DETACH, 1, 0, 0);
  errno = error;
  return answer(breached);
}

ATTACK(depth_signal_init) { return answer(kill(1, 0) == 0); }

ATTACK(depth_oom_preference) { return answer(write_file("/proc/self/oom_score_adj", "0") == 0); }

/* Only opens the file. */
ATTACK(depth_kernel_setting) { return answer(open("/proc/sys/kernel/core_pattern", O_WRONLY) >= 0); }

ATTACK(depth_by_handle) {
  struct { unsigned bytes; int type; unsigned char handle[128]; } at = {128};
  int mount_id, dir = open("/usr", O_RDONLY);
  if (syscall(SYS_name_to_handle_at, AT_FDCWD, "/usr", &at, &mount_id, 0) < 0)
    return answer(0);
  return answer(syscall(SYS_open_by_handle_at, dir, &at, O_RDONLY) >= 0);
}

ATTACK(depth_kernel_program) {
  union bpf_attr attr = {.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1};
  return answer(syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof attr) >= 0);
}

/* Sets neither time nor zone: the kernel checks the permission first. */
ATTACK(depth_clock) { return answer(syscall(SYS_settimeofday, NULL, NULL) == 0); }

ATTACK(depth_odd_calls) {
  char params[256] = {0};
  return answer(syscall(SYS_io_uring_setup, 8, params) >= 0 || syscall(SYS_userfaultfd, 1) >= 0 || syscall(SYS_keyctl, 0, -1, 1) >= 0);
}

ATTACK(depth_real_time) {
  int given = sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){.sched_priority = 1}) == 0;
  return answer(given);
}

ATTACK(depth_descriptors) {
  int more = 0;
  for (int fd = 3; fd < 1024; fd++)
    more += fcntl(fd, F_GETFD) != -1;
  errno = 0;
  return answer(more);
}

/* argv[0]: milliseconds of CPU time, or of sleep. */
ATTACK(depth_compute) {
  burn_ms(CLOCK_PROCESS_CPUTIME_ID, atol(argv[0]));
  return answer(1);
}
ATTACK(depth_sleep) {
  usleep(atol(argv[0]) * 1000);
  return answer(1);
}

/* argv[0]: the number of processes. */
ATTACK(depth_processes) {
  for (int i = 0; i < atoi(argv[0]); i++) {
    int pid = fork();
    if (pid == 0)
      for (;;)
        pause();
    if (pid < 0)
      return answer(0);
  }
  return answer(1);
}

static int fill(const char *const *paths, int files, long mib) {
  static char block[1 << 20];
  memset(block, 1, sizeof block);
  signal(SIGXFSZ, SIG_IGN);
  for (long n = 0; n < mib; n++) {
    int fd = open(paths[n % files], O_WRONLY | O_CREAT | O_APPEND, 0644);
    if (write(fd, block, sizeof block) != sizeof block)
      return 0;
    close(fd);
  }
  return 1;
}
/* argv[0]: the number of MiB to write, in many files. */
ATTACK(depth_fill_disk) {
  static const char *const paths[] = {"/box/0", "/tmp/1", "/dev/shm/2", "/box/3", "/box/4", "/box/5", "/box/6", "/box/7", "/box/8", "/box/9",
                                      "/tmp/0", "/tmp/2", "/tmp/3", "/tmp/4", "/tmp/5", "/tmp/6", "/tmp/7", "/tmp/8", "/tmp/9", "/tmp/a"};
  return answer(fill(paths, 20, atol(argv[0])));
}
/* argv[0]: the number of MiB to write, in one file. */
ATTACK(depth_large_file) {
  static const char *const path[] = {"/box/large"};
  return answer(fill(path, 1, atol(argv[0])));
}
ATTACK(depth_memory) {
  long bytes = atol(argv[0]) * MIB;
  char *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  for (long at = 0; p != MAP_FAILED && at < bytes; at += 4096)
    p[at] = 1;
  return answer(p != MAP_FAILED);
}

/* Marks that an earlier run leaves, and the attacks that look for them. */
ATTACK(depth_leave) {
  write_file("/box/left", "x"), write_file("/tmp/left", "x");
  shmget(0x6375, 4096, IPC_CREAT | 0666);
  if (fork() == 0) {
    setsid();
    for (int n = 1; n < 32; n++)
      signal(n, SIG_IGN);
    for (;;)
      pause();
  }
  dprintf(1, "left\n");
  return 0;
}
ATTACK(depth_find_file) { return answer(access("/box/left", F_OK) == 0 || access("/tmp/left", F_OK) == 0); }
ATTACK(depth_find_segment) {
  int id = shmget(0x6375, 0, 0);
  if (id >= 0)
    shmctl(id, IPC_RMID, NULL);
  return answer(id >= 0);
}
ATTACK(depth_find_process) {
  int found = 0;
  for (int pid = 2; pid < 400; pid++)
    found += pid != getpid() && pid != getppid() && (kill(pid, 0) == 0 || errno == EPERM);
  return answer(found);
}

/* The kernel's version of the Landlock ABI; run outside the sandbox. */
ATTACK(landlock_version) {
  dprintf(1, "%ld\n", syscall(SYS_landlock_create_ruleset, NULL, 0, 1));
  return 0;
}
